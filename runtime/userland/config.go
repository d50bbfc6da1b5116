package userland

import (
	"encoding/json"
	"fmt"
	"runtime"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Path is the image's PATH, the one that Docker gives to images that have none.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Config is the image's OCI configuration as JSON, with /bin/sh as its command. Its list of layers is
// empty, since the one layer's diff ID takes time (see DiffID), and a build upon it needs none.
func Config() ([]byte, error) {
	created := mtime.UTC()
	config, err := json.Marshal(ocispec.Image{
		Created:  &created,
		Platform: ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Config:   ocispec.ImageConfig{Env: []string{"PATH=" + Path}, Cmd: []string{"/bin/sh"}},
		RootFS:   ocispec.RootFS{Type: "layers"},
		History:  []ocispec.History{{Created: &created, CreatedBy: Name}},
	})
	if err != nil {
		return nil, fmt.Errorf("write the userland's configuration: %w", err)
	}
	return config, nil
}
