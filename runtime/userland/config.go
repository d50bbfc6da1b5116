package userland

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Path is the image's PATH, the one that Docker gives to images that have none.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Config is the image's OCI configuration as JSON: /bin/sh as its command, and the one layer.
func Config() ([]byte, error) {
	id, err := DiffID()
	if err != nil {
		return nil, err
	}
	created := mtime.UTC()
	config, err := json.Marshal(ocispec.Image{
		Created:  &created,
		Platform: ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Config:   ocispec.ImageConfig{Env: []string{"PATH=" + Path}, Cmd: []string{"/bin/sh"}},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.Digest(id)}},
		History:  []ocispec.History{{Created: &created, CreatedBy: Name}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the userland's configuration: %w", err)
	}
	return config, nil
}
