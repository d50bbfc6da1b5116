package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/shbuild/shbuild/registry/store"
)

// said is a layer that says of itself that it is written later.
type said struct{ v1.Layer }

func (l said) Descriptor() (*v1.Descriptor, error) {
	desc, err := partial.Descriptor(l.Layer)
	if err == nil {
		desc.Annotations = map[string]string{store.Later: "files"}
	}
	return desc, err
}

// absent is one that nobody has written.
type absent struct{ said }

func (absent) Exists() (bool, error) { return false, nil }

// laterImage is an image whose topmost layer says that it is written later.
func laterImage(t testing.TB, wrap func(v1.Layer) v1.Layer) (v1.Image, v1.Hash) {
	t.Helper()
	layer, err := random.Layer(2000, types.OCIUncompressedLayer)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.Append(randomImage(t, amd64), mutate.Addendum{
		Layer: wrap(layer), MediaType: types.OCIUncompressedLayer, Annotations: map[string]string{store.Later: "files"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return img, digest
}

// TestLater keeps an image whose topmost layer is not there, under a name, and asks its maker for the layer.
func TestLater(t *testing.T) {
	s := open(t, t.TempDir())
	img, digest := laterImage(t, func(l v1.Layer) v1.Layer { return absent{said{l}} })
	desc, err := s.Put(context.Background(), img)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tag("app", desc, amd64); err != nil {
		t.Fatal(err)
	}
	got, ok, err := s.Image("app", amd64)
	if err != nil || !ok {
		t.Fatalf("found: %t, %v", ok, err)
	}
	if whole, err := s.Whole(got); whole || err != nil {
		t.Errorf("an image without a layer is whole: %t, %v", whole, err)
	}
	layers, err := got.Layers()
	if err != nil {
		t.Fatal(err)
	}
	top := layers[len(layers)-1]
	var missing *store.NotWritten
	if _, err := top.Compressed(); !errors.As(err, &missing) || missing.Digest != digest || missing.Hint() == "" {
		t.Errorf("reading the layer: %v", err)
	}
	s.Write = func(of v1.Image, layer v1.Hash) (io.ReadCloser, error) {
		if config, err := of.ConfigFile(); err != nil || len(config.RootFS.DiffIDs) != 4 || layer != digest {
			t.Errorf("asked for layer %s: %v", layer, err)
		}
		return io.NopCloser(bytes.NewReader([]byte("files"))), nil
	}
	content, err := top.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(content); string(got) != "files" || err != nil {
		t.Errorf("the maker wrote %q, %v", got, err)
	}
	s.Write = func(v1.Image, v1.Hash) (io.ReadCloser, error) { return nil, nil }
	if _, err := top.Compressed(); !errors.As(err, &missing) {
		t.Errorf("the maker has it not: %v", err)
	}
}

// TestLaterOfOthers stores a layer that is there, whatever its image says of it.
func TestLaterOfOthers(t *testing.T) {
	s := open(t, t.TempDir())
	img, digest := laterImage(t, func(l v1.Layer) v1.Layer { return said{l} })
	if _, err := s.Put(context.Background(), img); err != nil {
		t.Fatal(err)
	}
	if whole, err := s.Whole(img); !whole || err != nil || !s.Has(digest) {
		t.Errorf("whole: %t, %v", whole, err)
	}
}
