package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/shbuild/shbuild/registry/reference"
)

// WriteDocker writes an archive for `docker load`, `podman load` and skopeo's docker-archive. It
// is an OCI layout with a manifest.json in front, as BuildKit and newer Dockers write it: the
// loaders find the layers where the layout has them and decompress them themselves. Docker before 23
// cannot load zstd layers. For layers that are only to be loaded, no compression is quickest.
func WriteDocker(ctx context.Context, w io.Writer, images []Named) error {
	list, err := dockerManifest(images)
	if err != nil {
		return fmt.Errorf("write docker archive: %w", err)
	}
	if err := writeTar(ctx, w, images, map[string][]byte{"manifest.json": list}); err != nil {
		return fmt.Errorf("write docker archive: %w", err)
	}
	return nil
}

// errDockerIndex answers an image of several platforms.
var errDockerIndex = errors.New("a docker archive holds images of one platform: type=oci holds several")

// loadEntry is an image in manifest.json; see moby's image/tarexport.
type loadEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// dockerManifest has one entry for each image, with all its names.
func dockerManifest(images []Named) ([]byte, error) {
	entries := []*loadEntry{}
	byConfig := map[string]*loadEntry{}
	for _, n := range images {
		if n.Index != nil {
			return nil, errDockerIndex
		}
		manifest, err := n.Image.Manifest()
		if err != nil {
			return nil, err
		}
		config := pathOf(manifest.Config)
		entry := byConfig[config]
		if entry == nil {
			entry = &loadEntry{Config: config, Layers: []string{}}
			for _, layer := range manifest.Layers {
				entry.Layers = append(entry.Layers, pathOf(layer))
			}
			byConfig[config] = entry
			entries = append(entries, entry)
		}
		if n.Name == "" {
			continue
		}
		ref, err := reference.Parse(n.Name)
		if err != nil {
			return nil, err
		}
		if ref.Tag != "" { // a digest is no name to load under
			entry.RepoTags = append(entry.RepoTags, ref.Familiar())
		}
	}
	return json.Marshal(entries)
}

func pathOf(d v1.Descriptor) string { return blob{digest: d.Digest}.path() }
