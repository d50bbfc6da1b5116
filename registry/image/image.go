// Package image makes images: a config and layers become a manifest, and images become OCI
// layouts and `docker load` archives.
//
// The same input gives the same bytes, here and on every machine: no clock, no map order, no
// number of processors has a say. Layers are streams: none is ever held in memory. The
// package fetches nothing and stores nothing; what a layer's bytes are is for the caller's
// opener to say, and is checked as they pass.
package image

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Options say how a manifest is written. The zero value is an OCI manifest.
type Options struct {
	Docker      bool              // a Docker schema 2 manifest, for tools that know no OCI
	Annotations map[string]string // of the manifest; OCI only
}

// New makes an image of a config, byte for byte as it is given, and the layers that its
// rootfs.diff_ids name, in their order. Annotations and URLs of the layers' descriptors are kept;
// media types are put in the manifest's family.
func New(config []byte, layers []v1.Layer, o Options) (v1.Image, error) {
	if err := checkConfig(config, layers); err != nil {
		return nil, fmt.Errorf("make image: %w", err)
	}
	if o.Docker && len(o.Annotations) > 0 {
		return nil, fmt.Errorf("make image: %w", errDockerAnnotations)
	}
	configType, mediaType := types.OCIConfigJSON, types.OCIManifestSchema1
	if o.Docker {
		configType, mediaType = types.DockerConfigJSON, types.DockerManifestSchema2
	}
	digest, size, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, fmt.Errorf("make image: %w", err)
	}
	manifest := v1.Manifest{
		SchemaVersion: 2,
		MediaType:     mediaType,
		Config:        v1.Descriptor{MediaType: configType, Size: size, Digest: digest},
		Layers:        []v1.Descriptor{},
		Annotations:   o.Annotations,
	}
	for i, layer := range layers {
		desc, err := describe(layer, o.Docker)
		if err != nil {
			return nil, fmt.Errorf("make image: layer %d: %w", i+1, err)
		}
		manifest.Layers = append(manifest.Layers, desc)
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		return nil, fmt.Errorf("make image: %w", err)
	}
	core := &made{config: config, raw: raw, mediaType: mediaType, layers: layers}
	img, err := partial.CompressedToImage(core)
	if err != nil {
		return nil, fmt.Errorf("make image: %w", err)
	}
	return &ownLayers{Image: img, layers: layers}, nil
}

// checkConfig compares the config's diff IDs with the layers'.
func checkConfig(config []byte, layers []v1.Layer) error {
	file, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if len(file.RootFS.DiffIDs) != len(layers) {
		return fmt.Errorf("config has %d diff IDs for %d layers", len(file.RootFS.DiffIDs), len(layers))
	}
	for i, layer := range layers {
		diffID, err := layer.DiffID()
		if err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
		if want := file.RootFS.DiffIDs[i]; diffID != want {
			return fmt.Errorf("layer %d: its diff ID is %s, the config says %s", i+1, diffID, want)
		}
	}
	return nil
}

// describe is the layer's descriptor as the manifest has it.
func describe(layer v1.Layer, docker bool) (v1.Descriptor, error) {
	found, err := partial.Descriptor(layer)
	if err != nil {
		return v1.Descriptor{}, err
	}
	desc := v1.Descriptor{Size: found.Size, Digest: found.Digest, URLs: found.URLs}
	if !docker {
		desc.Annotations = found.Annotations
	}
	desc.MediaType, err = translate(found.MediaType, docker)
	return desc, err
}

// made is the least that partial.CompressedToImage needs.
type made struct {
	config, raw []byte
	mediaType   types.MediaType
	layers      []v1.Layer
}

func (m *made) RawConfigFile() ([]byte, error)      { return m.config, nil }
func (m *made) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m *made) MediaType() (types.MediaType, error) { return m.mediaType, nil }
func (m *made) LayerByDigest(d v1.Hash) (partial.CompressedLayer, error) {
	for _, layer := range m.layers {
		if found, err := layer.Digest(); err == nil && found == d {
			return layer, nil
		}
	}
	if found, _, err := v1.SHA256(bytes.NewReader(m.config)); err == nil && found == d {
		return partial.ConfigLayer(m)
	}
	return nil, fmt.Errorf("image has no layer %s", d)
}

// ownLayers gives the layers as New was given them, where partial would wrap them: a push sees
// from the type of a layer which repository it may be mounted from.
type ownLayers struct {
	v1.Image
	layers []v1.Layer
}

func (i *ownLayers) Layers() ([]v1.Layer, error) { return i.layers, nil }
