package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// BenchmarkManyImages is what an image costs in a store that has so many others.
func BenchmarkManyImages(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		s := open(b, b.TempDir())
		desc := put(b, s, "127.0.0.1:5000/app:v1", randomImage(b, amd64))
		crowd(b, s.Dir(), n)
		b.Run(fmt.Sprintf("find/%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, ok, err := s.Image("127.0.0.1:5000/app:v1", amd64); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
		b.Run(fmt.Sprintf("tag/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := s.Tag(fmt.Sprint("127.0.0.1:5000/new:", i), desc, amd64); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("tag-again/%d", n), func(b *testing.B) {
			for b.Loop() {
				if err := s.Tag("127.0.0.1:5000/app:v1", desc, amd64); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// crowd adds n entries to a store's index.
func crowd(tb testing.TB, dir string, n int) {
	path := filepath.Join(dir, "index.json")
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(content, &index); err != nil {
		tb.Fatal(err)
	}
	entry := index.Manifests[0]
	for i := range n {
		other := entry
		name := fmt.Sprintf("filler/image%d:latest", i)
		other.Annotations = map[string]string{"org.opencontainers.image.ref.name": name, "io.containerd.image.name": "docker.io/" + name}
		index.Manifests = append(index.Manifests, other)
	}
	if content, err = json.Marshal(index); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		tb.Fatal(err)
	}
}
