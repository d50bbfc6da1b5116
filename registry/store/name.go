package store

import (
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

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
// the name leaves the one that had it before. Nothing is written where the image has the name already.
func (s *Store) Tag(name string, desc v1.Descriptor, p v1.Platform) error {
	ref, err := reference.Parse(name)
	if err != nil {
		return err
	}
	p = platform.Normalize(p)
	switch has, err := s.tagged(ref, desc, p); {
	case err != nil:
		return err
	case has:
		return nil
	}
	if err := s.persist(desc); err != nil {
		return fmt.Errorf("name image %s: %w", ref, err)
	}
	text, err := json.Marshal(v1.Descriptor{
		MediaType:   desc.MediaType,
		Digest:      desc.Digest,
		Size:        desc.Size,
		Platform:    &p,
		Annotations: map[string]string{familiarName: ref.Familiar(), fullName: ref.Full()},
	})
	if err != nil {
		return fmt.Errorf("name image %s: %w", ref, err)
	}
	return s.change(func(index *index) error {
		_, err := s.remove(index, ref, func(d v1.Descriptor) bool { return isOf(d, p) })
		if err != nil {
			return err
		}
		// skopeo and umoci take the first entry of a name: let that be the host's platform.
		at := len(index.entries)
		if platform.Best(platform.Host(), []v1.Platform{p}) == 0 {
			if i, err := s.first(index, ref); err != nil {
				return err
			} else if i >= 0 {
				at = i
			}
		}
		index.entries = slices.Insert(index.entries, at, text)
		return nil
	})
}

// tagged says whether the name leads to the image, and to it alone, and the image is whole.
func (s *Store) tagged(ref reference.Ref, desc v1.Descriptor, p v1.Platform) (bool, error) {
	entries, err := s.entries(entryOf(ref))
	if err != nil {
		return false, err
	}
	entries = slices.DeleteFunc(entries, func(d v1.Descriptor) bool { return !isOf(d, p) })
	if len(entries) != 1 || entries[0].Digest != desc.Digest || entries[0].MediaType != desc.MediaType || entries[0].Annotations[fullName] == "" {
		return false, nil
	}
	blobs, err := s.unsynced(desc)
	return err == nil && len(blobs) == 0, err
}

// isOf says whether an entry is an image of the platform.
func isOf(d v1.Descriptor, p v1.Platform) bool {
	return d.Platform != nil && platform.Normalize(*d.Platform).Equals(p)
}

// first is the place of a name's first entry; -1 if it has none.
func (s *Store) first(index *index, ref reference.Ref) (int, error) {
	for i, e := range index.entries {
		if !e.mayHave(ref) {
			continue
		}
		desc, err := s.decode(e)
		if err != nil {
			return 0, err
		}
		if nameOf(desc) == ref.Full() {
			return i, nil
		}
	}
	return -1, nil
}

// remove takes a name's entries out that are meant, and says whether there was one.
func (s *Store) remove(index *index, ref reference.Ref, meant func(v1.Descriptor) bool) (bool, error) {
	var err error
	before := len(index.entries)
	index.entries = slices.DeleteFunc(index.entries, func(e entry) bool {
		if err != nil || !e.mayHave(ref) {
			return false
		}
		var desc v1.Descriptor
		desc, err = s.decode(e)
		return err == nil && nameOf(desc) == ref.Full() && meant(desc)
	})
	return len(index.entries) < before, err
}

// Untag takes a name away, for all platforms, and says whether it was there. The blobs stay.
func (s *Store) Untag(name string) (bool, error) {
	ref, err := reference.Parse(name)
	if err != nil {
		return false, err
	}
	found := false
	err = s.change(func(index *index) error {
		found, err = s.remove(index, ref, func(v1.Descriptor) bool { return true })
		return err
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
