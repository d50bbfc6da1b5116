package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/shbuild/shbuild/registry/store"
)

// TestBadIndex: what is no index is told, and not one byte of it changes.
func TestBadIndex(t *testing.T) {
	t.Parallel()
	for what, content := range map[string]string{
		"cut off":     `{"schemaVersion":2,"manifests":[{"mediaType"`,
		"empty":       ``,
		"HTML":        `<html>`,
		"two values":  `{"schemaVersion":2,"manifests":[]}{}`,
		"other type":  `{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}`,
		"old schema":  `{"schemaVersion":1}`,
		"bad digests": `{"schemaVersion":2,"manifests":[{"digest":"sha256:12","size":1,"mediaType":"x"}]}`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			desc, err := s.Put(t.Context(), randomImage(t, amd64))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(s.Dir(), "index.json")
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			_, listErr := s.List()
			_, _, imageErr := s.Image("x", amd64)
			for act, err := range map[string]error{"list": listErr, "image": imageErr, "tag": s.Tag("x", desc, amd64)} {
				var damaged *store.Damaged
				if !errors.As(err, &damaged) || damaged.Path != path || damaged.Hint() == "" {
					t.Errorf("%s: %v", act, err)
				}
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != content {
				t.Errorf("index.json is now %q, %v", now, err)
			}
		})
	}
}

func TestForeignLayoutVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"2.0.0"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var damaged *store.Damaged
	if _, err := store.Open(dir); !errors.As(err, &damaged) {
		t.Error(err)
	}
}

// TestForeignEntries: what other tools add to the layout is read, and kept.
func TestForeignEntries(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "ours", randomImage(t, amd64))
	path, err := layout.FromPath(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	byName, nameless, inIndex := randomImage(t, amd64), randomImage(t, amd64), randomImage(t, arm64)
	annotate := func(name string) layout.Option {
		return layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": name})
	}
	if err := path.AppendImage(byName, annotate("theirs:v1")); err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(nameless); err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: inIndex})
	if err := path.AppendIndex(index, annotate("indexed")); err != nil {
		t.Fatal(err)
	}
	if img, ok, err := s.Image("theirs:v1", amd64); err != nil || !ok || digestOf(t, img) != digestOf(t, byName) {
		t.Error(ok, err)
	}
	if img, ok, err := s.Image("indexed", arm64); err != nil || !ok || digestOf(t, img) != digestOf(t, inIndex) {
		t.Error(ok, err)
	}
	put(t, s, "another", randomImage(t, amd64))
	raw, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Image(digestOf(t, nameless)); err != nil {
		t.Error("the entry without a name:", err)
	}
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, strings.TrimPrefix(e.Name, "docker.io/library/"))
	}
	if diff := cmp.Diff([]string{"another:latest", "indexed:latest", "ours:latest", "theirs:v1"}, names); diff != "" {
		t.Error(diff)
	}
}

// TestLayoutIsValid has go-containerregistry read our layout by the name that a user types.
func TestLayoutIsValid(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	img := randomImage(t, amd64)
	put(t, s, "docker.io/library/debian:12", img)
	index, err := layout.ImageIndexFromPath(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	find := match.Name("debian:12")
	if len(manifest.Manifests) != 1 || !find(manifest.Manifests[0]) {
		t.Errorf("%+v", manifest.Manifests)
	}
	if full := manifest.Manifests[0].Annotations["io.containerd.image.name"]; full != "docker.io/library/debian:12" {
		t.Error(full)
	}
	if _, err := name.ParseReference("debian:12"); err != nil {
		t.Error(err)
	}
}

// TestListSkipsWhatItCannotRead gives the good images and the reason for the bad.
func TestListSkipsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "good", randomImage(t, amd64))
	bad := put(t, s, "bad", randomImage(t, amd64))
	if err := os.Remove(filepath.Join(s.Dir(), "blobs", "sha256", bad.Digest.Hex)); err != nil {
		t.Fatal(err)
	}
	list, err := s.List()
	if len(list) != 1 || list[0].Familiar != "good:latest" || !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "bad:latest") {
		t.Error(list, err)
	}
}
