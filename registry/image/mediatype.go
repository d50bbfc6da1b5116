package image

import (
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// dockerZstd is what containers/image writes for zstd in Docker manifests; no specification has it.
const dockerZstd types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"

var errDockerAnnotations = errors.New("docker manifests have no annotations")

// families pairs the media types of layers in OCI and in Docker manifests.
var families = []struct{ oci, docker types.MediaType }{
	{types.OCILayer, types.DockerLayer},
	{types.OCIUncompressedLayer, types.DockerUncompressedLayer},
	{types.OCIRestrictedLayer, types.DockerForeignLayer},
	{types.OCILayerZStd, dockerZstd},
}

// translate gives a layer's media type in the other family; a type of neither stays.
func translate(t types.MediaType, docker bool) (types.MediaType, error) {
	if docker && (t == types.OCILayerZStd || t == dockerZstd) {
		return "", errDockerZstd{}
	}
	for _, pair := range families {
		if t == pair.oci || t == pair.docker {
			if docker {
				return pair.docker, nil
			}
			return pair.oci, nil
		}
	}
	if t.IsLayer() && !docker {
		return t, nil
	}
	return "", &NotLayer{MediaType: t}
}

type errDockerZstd struct{}

func (errDockerZstd) Error() string { return "docker manifests cannot name zstd layers" }

// Hint says what can.
func (errDockerZstd) Hint() string { return "use OCI media types, or gzip" }

// NotLayer says that a descriptor is of nothing that can be unpacked.
type NotLayer struct {
	MediaType types.MediaType
}

func (e *NotLayer) Error() string { return fmt.Sprintf("not a layer: media type %q", e.MediaType) }

// Hint says what is understood.
func (e *NotLayer) Hint() string {
	return "layers are tar archives, plain or compressed by gzip or zstd; encrypted layers and other artifacts cannot be unpacked"
}
