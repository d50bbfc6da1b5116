package cache

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const aKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// What is written is read again, each tag by itself, and the same records give the same files.
func TestPortable(t *testing.T) {
	l, err := random.Layer(1000, types.OCILayer)
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Repeat("ab", 16)
	write := func(dir, tag string) {
		t.Helper()
		p := NewPortable()
		p.AddStep(aKey, Step{Layer: id, Title: "RUN x"}, []byte("said\n"), nil)
		if err := errors.Join(p.AddLayer(id, l), p.Write(dir, tag)); err != nil {
			t.Fatal(err)
		}
	}
	dir, other := filepath.Join(t.TempDir(), "new"), t.TempDir()
	write(dir, "one")
	write(dir, "two")
	write(dir, "one")
	for _, tag := range []string{"one", "two"} {
		im, err := Import(dir, tag, "")
		if err != nil {
			t.Fatal(err)
		}
		s := im.Steps[aKey]
		out, err := im.Output(s)
		if err != nil || string(out) != "said\n" || s.Layer != id || s.Title != "RUN x" {
			t.Errorf("%s: got %+v, %q, %v", tag, s, out, err)
		}
		r, err := im.Open(im.Layers[id])
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	if _, err := Import(dir, "three", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tag that is not there gives %v", err)
	}
	write(other, "two")
	write(other, "one")
	for _, d := range []string{dir, other} {
		list, err := os.ReadDir(filepath.Join(d, "blobs", "sha256"))
		if err != nil || len(list) != 4 {
			t.Errorf("%s has %d blobs, %v", d, len(list), err)
		}
	}
}

// Names that would become paths are refused, and so is a folder with other things in it.
func TestPortableHostile(t *testing.T) {
	for _, p := range []*Portable{
		{Version: portVersion, Steps: map[string]PortStep{"../../x": {}}},
		{Version: portVersion, Steps: map[string]PortStep{aKey: {Step: Step{Layer: "../x"}}}},
		{Version: portVersion, Layers: map[string]Blob{"/etc": {}}},
		{Version: portVersion, Steps: map[string]PortStep{aKey: {Made: &Made{Slots: []string{"../x"}}}}},
		{Version: portVersion + 1},
	} {
		dir := t.TempDir()
		if err := p.Write(dir, "latest"); err != nil {
			t.Fatal(err)
		}
		if _, err := Import(dir, "latest", ""); err == nil {
			text, _ := json.Marshal(p)
			t.Errorf("%s is taken", text)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := NewPortable().Write(dir, "latest"); err == nil {
		t.Error("it was written among other files")
	}
}
