package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/shbuild/shbuild/registry/platform"
	"github.com/shbuild/shbuild/registry/reference"
)

// Image finds the image of a name that suits a platform best; the zero platform is the host's.
// It reads the manifest and leaves the rest for when it is asked for.
func (s *Store) Image(name string, p v1.Platform) (v1.Image, bool, error) {
	ref, err := reference.Parse(name)
	if err != nil {
		return nil, false, err
	}
	if p.OS == "" {
		p = platform.Host()
	}
	entries, err := s.entries(entryOf(ref))
	if err != nil {
		return nil, false, err
	}
	have := make([]v1.Platform, len(entries))
	for i, entry := range entries {
		have[i] = *entry.Platform
	}
	best := platform.Best(p, have)
	if best < 0 {
		return nil, false, nil
	}
	img, err := s.ByDigest(entries[best].Digest)
	if err != nil {
		return nil, false, fmt.Errorf("image %s: %w", ref, err)
	}
	return img, true, nil
}

// ByDigest is the image whose manifest has this digest, named or not.
func (s *Store) ByDigest(d v1.Hash) (v1.Image, error) {
	raw, err := s.readBlob(d, maxManifest)
	if err != nil {
		return nil, err
	}
	manifest, err := parseManifest(d, raw)
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(&stored{store: s, raw: raw, manifest: manifest})
}

// wanted tells which entries of the index are to be decoded, and which of those are meant, by their full names.
type wanted struct {
	decode func(entry) bool
	name   func(full string) bool
}

// entryOf is what has a name.
func entryOf(ref reference.Ref) wanted {
	return wanted{func(e entry) bool { return e.mayHave(ref) }, func(full string) bool { return full == ref.Full() }}
}

// entries are the index's entries that are wanted, with their platforms; an entry that is an index itself, as other
// tools write them, stands for its images.
func (s *Store) entries(w wanted) ([]v1.Descriptor, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	var found []v1.Descriptor
	for _, e := range index.entries {
		if !w.decode(e) {
			continue
		}
		desc, err := s.decode(e)
		if err != nil {
			return nil, err
		}
		if !w.name(nameOf(desc)) {
			continue
		}
		images := []v1.Descriptor{desc}
		if desc.MediaType.IsIndex() {
			if images, err = s.nested(desc); err != nil {
				return nil, err
			}
		}
		for _, image := range images {
			if image.Platform == nil {
				p := s.platformOf(image.Digest)
				image.Platform = &p
			}
			found = append(found, image)
		}
	}
	return found, nil
}

func (s *Store) nested(entry v1.Descriptor) ([]v1.Descriptor, error) {
	raw, err := s.readBlob(entry.Digest, maxManifest)
	if err != nil {
		return nil, err
	}
	var index v1.IndexManifest
	if err := decode(raw, &index); err != nil {
		return nil, fmt.Errorf("index %s: %w", entry.Digest, err)
	}
	var images []v1.Descriptor
	for _, image := range index.Manifests {
		if image.MediaType.IsImage() && s.Has(image.Digest) {
			image.Annotations = entry.Annotations
			images = append(images, image)
		}
	}
	return images, nil
}

// platformOf reads the platform from the config; what cannot be read is of no platform.
func (s *Store) platformOf(manifest v1.Hash) v1.Platform {
	img, err := s.ByDigest(manifest)
	if err != nil {
		return v1.Platform{}
	}
	config, err := img.ConfigFile()
	if err != nil || config.Platform() == nil {
		return v1.Platform{}
	}
	return *config.Platform()
}

func (s *Store) manifest(d v1.Hash) (*v1.Manifest, error) {
	raw, err := s.readBlob(d, maxManifest)
	if err != nil {
		return nil, err
	}
	return parseManifest(d, raw)
}

func parseManifest(d v1.Hash, raw []byte) (*v1.Manifest, error) {
	manifest, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", d, err)
	}
	if manifest.Config.Digest == (v1.Hash{}) {
		return nil, fmt.Errorf("manifest %s: not an image: it has no config", d)
	}
	return manifest, nil
}

// stored is an image of the store; partial.CompressedToImage makes the rest of v1.Image from it.
type stored struct {
	store    *Store
	raw      []byte
	manifest *v1.Manifest
}

func (i *stored) RawManifest() ([]byte, error) { return i.raw, nil }

func (i *stored) Manifest() (*v1.Manifest, error) { return i.manifest.DeepCopy(), nil }

func (i *stored) RawConfigFile() ([]byte, error) {
	return i.store.readBlob(i.manifest.Config.Digest, maxConfig)
}

func (i *stored) ConfigFile() (*v1.ConfigFile, error) { return partial.ConfigFile(i) }

func (i *stored) MediaType() (types.MediaType, error) {
	if i.manifest.MediaType == "" {
		return types.OCIManifestSchema1, nil // OCI 1.0 left it out
	}
	return i.manifest.MediaType, nil
}

func (i *stored) LayerByDigest(d v1.Hash) (partial.CompressedLayer, error) {
	desc, err := partial.BlobDescriptor(i, d)
	if err != nil {
		return nil, err
	}
	return &storedLayer{image: i, desc: *desc}, nil
}

// storedLayer is a layer, or the config, of a stored image.
type storedLayer struct {
	image *stored
	desc  v1.Descriptor
}

func (l *storedLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *storedLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *storedLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *storedLayer) Descriptor() (*v1.Descriptor, error) { return &l.desc, nil }
func (l *storedLayer) DiffID() (v1.Hash, error)            { return partial.BlobToDiffID(l.image, l.desc.Digest) }
func (l *storedLayer) Exists() (bool, error)               { return l.image.store.Has(l.desc.Digest), nil }

func (l *storedLayer) Compressed() (io.ReadCloser, error) {
	blob, err := l.image.store.Blob(l.desc.Digest)
	if errors.Is(err, ErrNotFound) && IsLater(l.desc) {
		return l.image.later(l.desc.Digest)
	}
	return blob, err
}
