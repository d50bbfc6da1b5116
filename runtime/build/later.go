package build

import (
	"context"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"

	"github.com/shbuild/shbuild/registry/store"
	"github.com/shbuild/shbuild/runtime/cache"
)

// Layers that are kept as the files that they are: docs/decisions/compressed-later.md.

// laterLayer is a layer that nobody has written as a blob.
type laterLayer struct {
	v1.Layer
	desc v1.Descriptor
}

// Descriptor and Exists are what partial.Descriptor and partial.Exists look for.
func (l laterLayer) Descriptor() (*v1.Descriptor, error) { return &l.desc, nil }
func (l laterLayer) Exists() (bool, error)               { return false, nil }

// measure finds out digest and size of the topmost layer's tar, which nobody keeps.
func (b *Builder) measure(ctx context.Context, f files, id string, form Form) (cache.Blob, error) {
	if err := b.work(); err != nil {
		return cache.Blob{}, err
	}
	tar := newHashing(io.Discard)
	if err := b.writeLayer(ctx, tar, f, form); err != nil {
		return cache.Blob{}, err
	}
	blob := cache.Blob{DiffID: tar.sum(), Tar: tar.size}
	return blob, b.cache.PutBlob(id, blob)
}

// tar is the tar of the topmost layer, written as it is read.
func (b *Builder) tar(f files) io.ReadCloser {
	r, w := io.Pipe()
	go func() { w.CloseWithError(b.writeLayer(b.whole, w, f, Form{})) }()
	return r
}

// writeLater is the content of an image's layer that the store has not, if its files are here, and those of all below it.
func (b *Builder) writeLater(img v1.Image, layer v1.Hash) (io.ReadCloser, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	at := slices.Index(config.RootFS.DiffIDs, layer) // of a tar the digest is the diff ID
	if at < 0 {
		return nil, nil
	}
	var ids []digest.Digest
	for _, id := range config.RootFS.DiffIDs[:at+1] {
		ids = append(ids, digest.Digest(id.String()))
	}
	var f files
	for _, chain := range identity.ChainIDs(ids) {
		l := &unpackedLayer{chain: chain.String()}
		if !b.haveLayer(l) {
			return nil, nil
		}
		f = f.with(layerRef{ID: l.id})
	}
	return b.tar(f), nil
}

// Store is the image store, with the content of layers that are kept as files.
func (b *Builder) Store() *store.Store { return b.images }
