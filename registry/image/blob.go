package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
)

// blob is a file of a layout's blobs folder that is still to be written.
type blob struct {
	digest v1.Hash
	size   int64 // bytes
	from   func() (io.ReadCloser, error)
}

// path is the blob's place in a layout.
func (b blob) path() string { return "blobs/" + b.digest.Algorithm + "/" + b.digest.Hex }

// open gives the content; it fails, in the place of io.EOF, if that is not the blob's, and
// earlier if the context has ended.
func (b blob) open(ctx context.Context) (io.ReadCloser, error) {
	content, err := b.from()
	if err != nil {
		return nil, err
	}
	return &checked{ReadCloser: content, ctx: ctx, blob: b, hash: sha256.New()}, nil
}

// plan lists what a layout of the images is made of: the index and, each once and in an order that
// depends on the images only, the blobs.
func plan(images []Named) (index []byte, blobs []blob, err error) {
	seen := map[v1.Hash]bool{}
	add := func(b blob) {
		if !seen[b.digest] {
			seen[b.digest] = true
			blobs = append(blobs, b)
		}
	}
	entries := []v1.Descriptor{}
	for i, n := range images {
		what := n.Name
		if what == "" {
			what = fmt.Sprintf("%d of %d", i+1, len(images))
		}
		desc, err := entry(n)
		if err != nil {
			return nil, nil, fmt.Errorf("image %s: %w", what, err)
		}
		if err := checkEntry(entries, desc); err != nil {
			return nil, nil, fmt.Errorf("image %s: %w", what, err)
		}
		entries = append(entries, desc)
		if n.Index != nil {
			err = blobsOfIndex(n.Index, desc, add)
		} else {
			err = blobsOf(n.Image, desc, add)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("image %s: %w", what, err)
		}
	}
	index, err = indexOf(entries)
	return index, blobs, err
}

// checkEntry refuses two images that no reader could tell apart.
func checkEntry(entries []v1.Descriptor, desc v1.Descriptor) error {
	for _, other := range entries {
		if desc.Annotations == nil || !maps.Equal(other.Annotations, desc.Annotations) {
			continue
		}
		if desc.Platform == nil || other.Platform == nil || desc.Platform.Equals(*other.Platform) {
			return fmt.Errorf("the name is used for two images of one platform")
		}
	}
	return nil
}

// blobsOfIndex adds an index and its images.
func blobsOfIndex(index v1.ImageIndex, desc v1.Descriptor, add func(blob)) error {
	raw, err := index.RawManifest()
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	add(blob{desc.Digest, desc.Size, inMemory(raw)})
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			return err
		}
		if err := blobsOf(img, d, add); err != nil {
			return err
		}
	}
	return nil
}

// blobsOf adds manifest, config and layers. Layers that their maker wants to be fetched from
// elsewhere are left out if they are not at hand.
func blobsOf(img v1.Image, desc v1.Descriptor, add func(blob)) error {
	raw, err := img.RawManifest()
	if err != nil {
		return err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	add(blob{desc.Digest, desc.Size, inMemory(raw)})
	add(blob{manifest.Config.Digest, manifest.Config.Size, inMemory(config)})
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for i, layer := range layers {
		if !manifest.Layers[i].MediaType.IsDistributable() {
			if there, err := partial.Exists(layer); err != nil || !there {
				continue
			}
		}
		add(blob{manifest.Layers[i].Digest, manifest.Layers[i].Size, layer.Compressed})
	}
	return nil
}

func inMemory(content []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

// checked is a blob's content that is counted and hashed as it is read.
type checked struct {
	io.ReadCloser
	ctx  context.Context
	blob blob
	hash hash.Hash
	size int64
}

func (c *checked) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.ReadCloser.Read(p)
	c.hash.Write(p[:n])
	c.size += int64(n)
	if err == io.EOF && (c.size != c.blob.size || hex.EncodeToString(c.hash.Sum(nil)) != c.blob.digest.Hex) {
		return n, fmt.Errorf("its content is not what the manifest says: %d bytes, sha256:%x", c.size, c.hash.Sum(nil))
	}
	return n, err
}

func sortedNames(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }
