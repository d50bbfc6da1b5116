package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/shbuild/shbuild/registry/platform"
)

// Entry is one named image.
type Entry struct {
	Name     string  // in full: docker.io/library/debian:12
	Familiar string  // as a user types it: debian:12
	Digest   v1.Hash // of the manifest
	ID       v1.Hash // of the config
	Platform v1.Platform
	Created  time.Time // zero if the image does not say
	Size     int64     // bytes of manifest, config and layers, which are compressed once they were pushed
}

// List gives all named images, in the order of their names. If some cannot be read, it gives the
// others and an error that has all reasons.
func (s *Store) List() ([]Entry, error) {
	found, err := s.entries(wanted{func(entry) bool { return true }, func(full string) bool { return full != "" }})
	if err != nil {
		return nil, err
	}
	var list []Entry
	var errs []error
	for _, desc := range found {
		entry, err := s.entry(desc)
		if err != nil {
			errs = append(errs, fmt.Errorf("image %s: %w", nameOf(desc), err))
			continue
		}
		list = append(list, entry)
	}
	slices.SortStableFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(platform.Format(a.Platform), platform.Format(b.Platform)))
	})
	return list, errors.Join(errs...)
}

func (s *Store) entry(desc v1.Descriptor) (Entry, error) {
	img, err := s.ByDigest(desc.Digest)
	if err != nil {
		return Entry{}, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return Entry{}, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{
		Name:     nameOf(desc),
		Familiar: desc.Annotations[familiarName],
		Digest:   desc.Digest,
		ID:       manifest.Config.Digest,
		Platform: *desc.Platform,
		Created:  config.Created.Time,
		Size:     desc.Size + manifest.Config.Size,
	}
	for _, layer := range manifest.Layers {
		entry.Size += layer.Size
	}
	return entry, nil
}
