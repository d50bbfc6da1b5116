package image

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Member is an image of an index.
type Member struct {
	Image       v1.Image
	Annotations map[string]string // of its descriptor
}

// Index is an index of images, each under its own platform, in their order.
func Index(members []Member, docker bool, annotations map[string]string) (v1.ImageIndex, error) {
	mediaType := types.OCIImageIndex
	if docker {
		mediaType = types.DockerManifestList
	}
	index := mutate.IndexMediaType(empty.Index, mediaType)
	for _, m := range members {
		desc, err := Describe(Named{Image: m.Image})
		if err != nil {
			return nil, fmt.Errorf("make an index: %w", err)
		}
		desc.Annotations = m.Annotations
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: m.Image, Descriptor: desc})
	}
	if len(annotations) > 0 {
		if docker {
			return nil, fmt.Errorf("make an index: %w", errDockerAnnotations)
		}
		index = mutate.Annotations(index, annotations).(v1.ImageIndex)
	}
	return index, nil
}
