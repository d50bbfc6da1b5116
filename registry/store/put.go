package store

import (
	"bytes"
	"context"
	"fmt"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"golang.org/x/sync/errgroup"
)

// Put stores an image: the layers that are not there yet, its config, and last its manifest. Layers that are Later are
// left to their maker.
// The descriptor has the platform of the config. The image has no name until Tag gives it one.
func (s *Store) Put(ctx context.Context, img v1.Image) (v1.Descriptor, error) {
	layers, err := img.Layers()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("store image: %w", err)
	}
	if err := s.putLayers(ctx, layers); err != nil {
		return v1.Descriptor{}, fmt.Errorf("store image: %w", err)
	}
	desc, err := s.putManifest(ctx, img)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("store image: %w", err)
	}
	return desc, nil
}

func (s *Store) putLayers(ctx context.Context, layers []v1.Layer) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	begun := map[v1.Hash]bool{}
	for _, layer := range layers {
		desc, err := partial.Descriptor(layer)
		if err != nil {
			return err
		}
		if begun[desc.Digest] {
			continue
		}
		begun[desc.Digest] = true
		switch left, err := leftOut(layer, *desc); {
		case err != nil:
			return err
		case left:
			continue
		}
		if size, ok := s.size(desc.Digest); ok && size == desc.Size {
			continue
		}
		group.Go(func() error { return s.putLayer(ctx, layer, *desc) })
	}
	return group.Wait()
}

func (s *Store) putLayer(ctx context.Context, layer v1.Layer, desc v1.Descriptor) error {
	content, err := layer.Compressed()
	if err != nil {
		return fmt.Errorf("layer %s: %w", desc.Digest, err)
	}
	content = s.Tee(desc.Digest, desc.Size, content)
	defer content.Close()
	return drain(ctx, content)
}

func (s *Store) putManifest(ctx context.Context, img v1.Image) (v1.Descriptor, error) {
	config, err := img.RawConfigFile()
	if err != nil {
		return v1.Descriptor{}, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	if _, err := s.putSmall(ctx, manifest.Config.Digest, config); err != nil {
		return v1.Descriptor{}, err
	}
	raw, err := img.RawManifest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return v1.Descriptor{}, err
	}
	desc, err := s.putSmall(ctx, digest, raw)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if desc.MediaType, err = img.MediaType(); err != nil {
		return v1.Descriptor{}, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return v1.Descriptor{}, err
	}
	desc.Platform = file.Platform()
	return desc, nil
}

// putSmall ingests a config or a manifest, unless it is there and undamaged.
func (s *Store) putSmall(ctx context.Context, digest v1.Hash, content []byte) (v1.Descriptor, error) {
	if found, err := s.readBlob(digest, int64(len(content))); err == nil && bytes.Equal(found, content) {
		return v1.Descriptor{Digest: digest, Size: int64(len(content))}, nil
	}
	return s.Ingest(ctx, digest, bytes.NewReader(content))
}
