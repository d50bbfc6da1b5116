package image

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/renameio/v2"

	"github.com/shbuild/shbuild/registry/platform"
	"github.com/shbuild/shbuild/registry/reference"
)

// Named is an image of an archive or a layout. Name is as a user types it; it may be empty.
// Images of one name must differ in their platforms.
type Named struct {
	Name        string
	Image       v1.Image
	Index       v1.ImageIndex     // in the place of Image: of several platforms
	Annotations map[string]string // of the entry in index.json
}

const layoutFile = `{"imageLayoutVersion":"1.0.0"}`

// WriteOCI writes an OCI layout as a tar. Each image has its familiar name (app:v1) in the
// annotation org.opencontainers.image.ref.name and its full one in io.containerd.image.name, so that
// skopeo, podman load and ctr import find it. A blob that images share is written once.
func WriteOCI(ctx context.Context, w io.Writer, images []Named) error {
	if err := writeTar(ctx, w, images, nil); err != nil {
		return fmt.Errorf("write OCI archive: %w", err)
	}
	return nil
}

// writeTar writes a layout, with further files in front.
func writeTar(ctx context.Context, w io.Writer, images []Named, extra map[string][]byte) error {
	index, blobs, err := plan(images)
	if err != nil {
		return err
	}
	archive := &tarball{tar.NewWriter(w)}
	for _, name := range sortedNames(extra) {
		if err := archive.file(name, extra[name]); err != nil {
			return err
		}
	}
	if err := archive.file("oci-layout", []byte(layoutFile)); err != nil {
		return err
	}
	if err := archive.file("index.json", index); err != nil {
		return err
	}
	// Folders before what is in them: skopeo, without root, cannot make up owners for those that are missing.
	for _, dir := range []string{"blobs/", "blobs/sha256/"} {
		if err := archive.folder(dir); err != nil {
			return err
		}
	}
	for _, blob := range blobs {
		if err := archive.blob(ctx, blob); err != nil {
			return fmt.Errorf("blob %s: %w", blob.digest, err)
		}
	}
	return archive.Close()
}

// WriteOCIFolder writes an OCI layout into a folder: a new one, an empty one, or one that is an OCI
// layout, whose index is replaced at the end. Another folder is refused.
func WriteOCIFolder(ctx context.Context, dir string, images []Named) error {
	if err := writeFolder(ctx, dir, images); err != nil {
		return fmt.Errorf("write OCI layout %s: %w", dir, err)
	}
	return nil
}

func writeFolder(ctx context.Context, dir string, images []Named) error {
	index, blobs, err := plan(images)
	if err != nil {
		return err
	}
	if err := checkFolder(dir); err != nil {
		return err
	}
	into := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(layoutFile), 0o644); err != nil {
		return err
	}
	for _, blob := range blobs {
		if err := writeBlob(ctx, filepath.Join(into, blob.digest.Hex), blob); err != nil {
			return fmt.Errorf("blob %s: %w", blob.digest, err)
		}
	}
	return renameio.WriteFile(filepath.Join(dir, "index.json"), index, 0o644, renameio.WithTempDir(dir))
}

// ErrNotLayout is for a folder that has files already and is no OCI layout.
var ErrNotLayout = errors.New("the folder has other files in it and is no OCI layout")

func checkFolder(dir string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(files) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, "oci-layout")); err != nil {
		return ErrNotLayout
	}
	return nil
}

// writeBlob writes beside the blob's place and renames, so that a blob in place is a whole one.
func writeBlob(ctx context.Context, path string, b blob) error {
	if info, err := os.Stat(path); err == nil && info.Size() == b.size {
		return nil
	}
	content, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer content.Close()
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if _, err := io.Copy(struct{ io.Writer }{f}, content); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// indexOf writes index.json.
func indexOf(entries []v1.Descriptor) ([]byte, error) {
	return json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: entries})
}

// entry is an image's place in index.json.
func entry(n Named) (v1.Descriptor, error) {
	desc, err := Describe(n)
	if err != nil {
		return desc, err
	}
	desc.Annotations = maps.Clone(n.Annotations)
	if n.Name != "" {
		ref, err := reference.Parse(n.Name)
		if err != nil {
			return desc, err
		}
		if desc.Annotations == nil {
			desc.Annotations = map[string]string{}
		}
		desc.Annotations["org.opencontainers.image.ref.name"] = ref.Familiar()
		desc.Annotations["io.containerd.image.name"] = ref.Full()
	}
	return desc, nil
}

// Describe is the descriptor of an image, or of an index, with its platform but no annotations.
func Describe(n Named) (v1.Descriptor, error) {
	if n.Index != nil {
		found, err := partial.Descriptor(n.Index)
		if err != nil {
			return v1.Descriptor{}, err
		}
		return v1.Descriptor{MediaType: found.MediaType, Digest: found.Digest, Size: found.Size}, nil
	}
	var desc v1.Descriptor
	var err error
	if desc.MediaType, err = n.Image.MediaType(); err != nil {
		return desc, err
	}
	if desc.Digest, err = n.Image.Digest(); err != nil {
		return desc, err
	}
	if desc.Size, err = n.Image.Size(); err != nil {
		return desc, err
	}
	config, err := n.Image.ConfigFile()
	if err != nil {
		return desc, err
	}
	if p := config.Platform(); p != nil && p.OS != "" {
		normal := platform.Normalize(*p)
		desc.Platform = &normal
	}
	return desc, nil
}

// tarball writes files whose headers depend on nothing but name and size.
type tarball struct{ *tar.Writer }

func (t *tarball) header(name string, size int64) error {
	return t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)})
}

func (t *tarball) folder(name string) error {
	return t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, ModTime: time.Unix(0, 0)})
}

func (t *tarball) file(name string, content []byte) error {
	if err := t.header(name, int64(len(content))); err != nil {
		return err
	}
	_, err := t.Write(content)
	return err
}

func (t *tarball) blob(ctx context.Context, b blob) error {
	content, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := t.header(b.path(), b.size); err != nil {
		return err
	}
	_, err = io.Copy(struct{ io.Writer }{t}, content)
	return err
}
