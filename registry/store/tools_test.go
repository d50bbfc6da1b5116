package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// tool runs a program that reads layouts, where it is installed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name, "is not installed")
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// TestSkopeo finds images by the names that a user types.
func TestSkopeo(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for _, name := range []string{"app", "me/app:v1", "127.0.0.1:5000/debian:12", "ghcr.io/a/b:c"} {
		put(t, s, name, randomImage(t, amd64))
	}
	for _, typed := range []string{"app:latest", "me/app:v1", "127.0.0.1:5000/debian:12", "ghcr.io/a/b:c"} {
		img, _, err := s.Image(typed, amd64)
		if err != nil {
			t.Fatal(err)
		}
		out := tool(t, "skopeo", "inspect", "--format", "{{.Digest}}", "oci:"+s.Dir()+":"+typed)
		if strings.TrimSpace(out) != digestOf(t, img).String() {
			t.Errorf("%s: %s", typed, out)
		}
	}
}

// TestSkopeoWritesHere: an image that skopeo copies into the store is one of ours afterwards.
func TestSkopeoWritesHere(t *testing.T) {
	t.Parallel()
	from, s := open(t, t.TempDir()), open(t, t.TempDir())
	put(t, from, "theirs:v1", randomImage(t, amd64))
	put(t, s, "ours", randomImage(t, amd64))
	tool(t, "skopeo", "--insecure-policy", "copy", "oci:"+from.Dir()+":theirs:v1", "oci:"+s.Dir()+":copied:v2")
	if _, ok, err := s.Image("copied:v2", amd64); !ok || err != nil {
		t.Error(ok, err)
	}
	put(t, s, "more", randomImage(t, amd64))
	list, err := s.List()
	if err != nil || len(list) != 3 {
		t.Error(list, err)
	}
}

func TestUmoci(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "app:v1", randomImage(t, amd64))
	bundle := filepath.Join(t.TempDir(), "bundle")
	tool(t, "umoci", "unpack", "--rootless", "--image", s.Dir()+":app:v1", bundle)
	files, err := os.ReadDir(filepath.Join(bundle, "rootfs"))
	if err != nil || len(files) != 3 {
		t.Error(files, err)
	}
}

// BenchmarkTag is what naming a built image costs, its blobs' way to the disk included.
func BenchmarkTag(b *testing.B) {
	s := open(b, b.TempDir())
	desc := put(b, s, "app", randomImage(b, amd64))
	for b.Loop() {
		if err := s.Tag("app", desc, amd64); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIngest is a blob of 64 MiB from memory to the page cache.
func BenchmarkIngest(b *testing.B) {
	s := open(b, b.TempDir())
	content := make([]byte, 64<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := s.Ingest(b.Context(), v1.Hash{}, strings.NewReader(string(content))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		open(b, dir)
	}
}
