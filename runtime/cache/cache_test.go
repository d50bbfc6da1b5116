package cache_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shbuild/shbuild/runtime/cache"
)

func open(t *testing.T) (*cache.Cache, string) {
	t.Helper()
	dir := t.TempDir()
	c, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c, dir
}

func TestStep(t *testing.T) {
	t.Parallel()
	c, _ := open(t)
	if _, ok := c.Step("k"); ok {
		t.Fatal("an empty cache answers")
	}
	want := cache.Step{Layer: "l1", Created: time.Unix(5, 0).UTC(), Status: 3, Session: "s", Title: "RUN x"}
	if err := c.PutStep("k", want, strings.NewReader("out\n")); err != nil {
		t.Fatal(err)
	}
	got, ok := c.Step("k")
	if !ok {
		t.Fatal("not found")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	r, err := c.Stdout("k")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if out, _ := io.ReadAll(r); string(out) != "out\n" {
		t.Errorf("output %q", out)
	}
	if _, err := c.Stdout("other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("output of an unknown step: %v", err)
	}
}

func TestRecordsOfLayers(t *testing.T) {
	t.Parallel()
	c, _ := open(t)
	if err := c.PutBlob("l", cache.Blob{DiffID: "sha256:1", Digest: "sha256:2", Size: 9, MediaType: "m"}); err != nil {
		t.Fatal(err)
	}
	if b, ok := c.Blob("l"); !ok || b.Size != 9 || b.DiffID != "sha256:1" {
		t.Errorf("%+v %v", b, ok)
	}
	if err := c.PutChain("sha256:c", "l"); err != nil {
		t.Fatal(err)
	}
	if l, ok := c.Chain("sha256:c"); !ok || l != "l" {
		t.Errorf("%q %v", l, ok)
	}
}

// A record cut off by a power cut is a miss, not an error.
func TestDamagedRecordIsAMiss(t *testing.T) {
	t.Parallel()
	c, dir := open(t)
	for _, text := range []string{"", "{", `"x"`} {
		if err := os.WriteFile(filepath.Join(dir, "steps", "k"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if s, ok := c.Step("k"); ok {
			t.Errorf("%q answers %+v", text, s)
		}
	}
}

// Many writers of one key leave one of their records, whole, and no litter.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	c, dir := open(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				if err := c.PutStep("k", cache.Step{Layer: "l"}, strings.NewReader("o")); err != nil {
					t.Error(err)
				}
				if _, ok := c.Step("k"); !ok {
					t.Error("a reader saw half a record")
				}
			}
		})
	}
	wg.Wait()
	entries, err := os.ReadDir(filepath.Join(dir, "steps"))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
	}
}
