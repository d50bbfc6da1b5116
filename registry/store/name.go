package store

import (
	"fmt"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/registry/platform"
	"github.com/shbuild/shbuild/registry/reference"
)

// The annotations of an index entry; see the package's documentation.
const (
	familiarName = "org.opencontainers.image.ref.name"
	fullName     = "io.containerd.image.name"
)

// Normalize is the full form of a name as a user types it, under which the store keeps it:
// docker.io/library/debian:latest for debian. Errors are of type *reference.Error.
func Normalize(name string) (string, error) {
	ref, err := reference.Parse(name)
	if err != nil {
		return "", err
	}
	return ref.Full(), nil
}

// Tag gives an image that Put has stored a name. For one name and platform there is one image:
// the name leaves the one that had it before.
func (s *Store) Tag(name string, desc v1.Descriptor, p v1.Platform) error {
	ref, err := reference.Parse(name)
	if err != nil {
		return err
	}
	if err := s.persist(desc); err != nil {
		return fmt.Errorf("name image %s: %w", ref, err)
	}
	p = platform.Normalize(p)
	entry := v1.Descriptor{
		MediaType:   desc.MediaType,
		Digest:      desc.Digest,
		Size:        desc.Size,
		Platform:    &p,
		Annotations: map[string]string{familiarName: ref.Familiar(), fullName: ref.Full()},
	}
	return s.change(func(index *v1.IndexManifest) error {
		index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
			return nameOf(d) == ref.Full() && d.Platform != nil && platform.Normalize(*d.Platform).Equals(p)
		})
		// skopeo and umoci take the first entry of a name: let that be the host's platform.
		at := len(index.Manifests)
		if platform.Best(platform.Host(), []v1.Platform{p}) == 0 {
			if i := slices.IndexFunc(index.Manifests, func(d v1.Descriptor) bool { return nameOf(d) == ref.Full() }); i >= 0 {
				at = i
			}
		}
		index.Manifests = slices.Insert(index.Manifests, at, entry)
		return nil
	})
}

// Untag takes a name away, for all platforms, and says whether it was there. The blobs stay.
func (s *Store) Untag(name string) (bool, error) {
	ref, err := reference.Parse(name)
	if err != nil {
		return false, err
	}
	found := false
	err = s.change(func(index *v1.IndexManifest) error {
		before := len(index.Manifests)
		index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool { return nameOf(d) == ref.Full() })
		found = len(index.Manifests) < before
		return nil
	})
	return found, err
}

// nameOf is the full name of an index entry, empty if it has none.
func nameOf(d v1.Descriptor) string {
	if name := d.Annotations[fullName]; name != "" {
		return name
	}
	ref, err := reference.Parse(d.Annotations[familiarName])
	if err != nil {
		return d.Annotations[familiarName]
	}
	return ref.Full()
}

// persist brings all blobs of an image from the page cache to the disk. Those that are there
// already cost next to nothing.
func (s *Store) persist(desc v1.Descriptor) error {
	manifest, err := s.manifest(desc.Digest)
	if err != nil {
		return err
	}
	blobs := append([]v1.Descriptor{{Digest: desc.Digest}, manifest.Config}, manifest.Layers...)
	for _, blob := range blobs {
		if len(blob.URLs) > 0 && !s.Has(blob.Digest) {
			continue // a layer that its maker wants to be fetched from elsewhere
		}
		if err := s.persistBlob(blob.Digest); err != nil {
			return err
		}
	}
	dir, err := os.Open(s.blobDir())
	if err != nil {
		return fmt.Errorf("image store: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return writeError("write blobs to the disk", err)
	}
	return nil
}

func (s *Store) persistBlob(d v1.Hash) error {
	if !s.Has(d) {
		return fmt.Errorf("blob %s: %w", d, ErrNotFound)
	}
	path, err := s.blobPath(d)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("image store: %w", err)
	}
	defer f.Close()
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return writeError("write a blob to the disk", err)
	}
	return nil
}
