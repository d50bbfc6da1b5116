package image

import (
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Layer is a layer whose descriptor is known and whose compressed bytes open gives, each time
// from the start. Open may be called by several goroutines at once.
func Layer(desc v1.Descriptor, diffID v1.Hash, open func() (io.ReadCloser, error)) v1.Layer {
	return &layer{desc: desc, diffID: diffID, open: open}
}

type layer struct {
	desc   v1.Descriptor
	diffID v1.Hash
	open   func() (io.ReadCloser, error)
}

func (l *layer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *layer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *layer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *layer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *layer) Compressed() (io.ReadCloser, error)  { return l.open() }

// Descriptor lets partial.Descriptor find annotations and URLs.
func (l *layer) Descriptor() (*v1.Descriptor, error) {
	desc := l.desc
	return &desc, nil
}

func (l *layer) Uncompressed() (io.ReadCloser, error) {
	compressed, err := l.open()
	if err != nil {
		return nil, err
	}
	plain, err := Decompress(compressed, l.desc.MediaType)
	if err != nil {
		compressed.Close()
		return nil, fmt.Errorf("layer %s: %w", l.desc.Digest, err)
	}
	return &both{Reader: plain, first: plain, second: compressed}, nil
}

// both closes a reader and the one under it.
type both struct {
	io.Reader
	first, second io.Closer
}

func (b *both) Close() error {
	err := b.first.Close()
	if second := b.second.Close(); err == nil {
		err = second
	}
	return err
}
