package store

import (
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
)

// Later, among the annotations of a layer in a manifest, says that the layer's maker keeps its files, and writes the blob
// when it is asked for. The descriptor is that of the tar, uncompressed. The layout need not have the blob.
const Later = "com.github.shbuild.later"

// IsLater says whether a layer's blob may be written later.
func IsLater(d v1.Descriptor) bool { return d.Annotations[Later] != "" }

// leftOut says whether a layer that is to be stored is left to its maker. What others call so, who have the blob, is not.
func leftOut(l v1.Layer, d v1.Descriptor) (bool, error) {
	if !IsLater(d) {
		return false, nil
	}
	there, err := partial.Exists(l)
	return !there, err
}

// Whole says whether all layers of an image of the store are there as blobs. One that is not whole has layers that
// are [Later]; what else is missing is for who reads it to find.
func (s *Store) Whole(img v1.Image) (bool, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return false, err
	}
	for _, l := range manifest.Layers {
		if IsLater(l) && !s.Has(l.Digest) {
			return false, nil
		}
	}
	return true, nil
}

// later has the content of a layer written by its maker.
func (i *stored) later(layer v1.Hash) (io.ReadCloser, error) {
	if i.store.Write == nil {
		return nil, &NotWritten{layer}
	}
	img, err := partial.CompressedToImage(i)
	if err != nil {
		return nil, err
	}
	content, err := i.store.Write(img, layer)
	if err == nil && content == nil {
		err = &NotWritten{layer}
	}
	return content, err
}

// NotWritten says that a layer's maker has not written its blob.
type NotWritten struct{ Digest v1.Hash }

func (e *NotWritten) Error() string {
	return "layer " + e.Digest.String() + " is kept as files, which are no longer in the state folder, or are those of another rung of isolation"
}

// Hint says how to go on.
func (e *NotWritten) Hint() string { return "build the image again" }
