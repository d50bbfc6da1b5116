package cache_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shbuild/shbuild/runtime/cache"
)

// A key depends on every name, every value and their order, on nothing else, and not on what is hidden.
func TestKey(t *testing.T) {
	t.Parallel()
	in := cache.Inputs{{Name: "a", Value: "1"}, {Name: "b", Value: "2", From: "x"}}
	keys := map[string]string{}
	for name, list := range map[string]cache.Inputs{
		"it":           in,
		"empty":        nil,
		"shorter":      in[:1],
		"value":        {{Name: "a", Value: "1"}, {Name: "b", Value: "3"}},
		"name":         {{Name: "a", Value: "1"}, {Name: "c", Value: "2"}},
		"order":        {in[1], in[0]},
		"moved border": {{Name: "a", Value: "1b"}, {Name: "", Value: "2"}},
		"empty value":  {{Name: "a", Value: "1"}, {Name: "b"}},
	} {
		key := list.Key()
		if len(key) != 64 || keys[key] != "" {
			t.Errorf("%s has the key of %s: %s", name, keys[key], key)
		}
		keys[key] = name
	}
	same := cache.Inputs{in[0].Hidden(), {Name: "b", Value: "2", From: "y"}}
	if same.Key() != in.Key() || !same[0].Equal(in[0]) || same[0].Value != "" {
		t.Errorf("hidden: %+v", same)
	}
}

func TestMade(t *testing.T) {
	t.Parallel()
	c, dir := open(t)
	m := cache.Made{Inputs: cache.Inputs{{Name: "a", Value: "1"}}, Text: "RUN a", Created: time.Now().UTC(), Slots: []string{"s", "t"}}
	key := m.Inputs.Key()
	if _, ok := c.Made(key); ok {
		t.Error("it is there before it is put")
	}
	if err := c.PutMade(key, m); err != nil {
		t.Fatal(err)
	}
	got, ok := c.Made(key)
	if !ok || got.Text != m.Text || !got.Created.Equal(m.Created) {
		t.Errorf("got %+v, %t", got, ok)
	}
	for _, slot := range m.Slots {
		if keys := c.Near(slot); !slices.Equal(keys, []string{key}) {
			t.Errorf("slot %s has %v", slot, keys)
		}
	}
	// A record that was changed explains nothing.
	file := filepath.Join(dir, "inputs", key)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), `"1"`, `"2"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Made(key); ok {
		t.Error("a record with other inputs is taken")
	}
}

// A slot has the last keys, the latest first, each once, and does not grow for ever.
func TestNear(t *testing.T) {
	t.Parallel()
	c, dir := open(t)
	if keys := c.Near("s"); keys != nil {
		t.Errorf("got %v", keys)
	}
	put := func(n int) string {
		m := cache.Made{Inputs: cache.Inputs{{Name: "n", Value: fmt.Sprint(n)}}, Slots: []string{"s"}}
		if err := c.PutMade(m.Inputs.Key(), m); err != nil {
			t.Error(err)
		}
		return m.Inputs.Key()
	}
	first, second := put(0), put(1)
	put(0)
	if keys := c.Near("s"); !slices.Equal(keys, []string{first, second}) {
		t.Errorf("got %v", keys)
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 200 {
				put(1000*i + n)
			}
		})
	}
	all.Wait()
	last := put(9999)
	keys := c.Near("s")
	if len(keys) < 32 || len(keys) > 200 || keys[0] != last {
		t.Errorf("%d keys, the first %s, not %s", len(keys), keys[0], last)
	}
	if info, err := os.Stat(filepath.Join(dir, "near", "s")); err != nil || info.Size() > 20_000 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestContent(t *testing.T) {
	t.Parallel()
	c, _ := open(t)
	if _, err := c.Content("abc"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := c.PutContent("abc", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Content("abc"); err != nil || string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, hostile := range []string{"", "../steps/x", "/etc/passwd", "."} {
		if got, err := c.Content(hostile); err == nil {
			t.Errorf("%q gives %q", hostile, got)
		}
	}
}
