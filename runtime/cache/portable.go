package cache

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/internal/pattern"
)

// Portable is records that leave the machine, with the layers that they point to, as an OCI layout has them: a
// manifest whose config is the records, and whose layers are the layers' tars and the steps' outputs.
type Portable struct {
	Version int                    `json:"version"`
	Steps   map[string]PortStep    `json:"steps"`  // by their keys
	Layers  map[string]Blob        `json:"layers"` // by their IDs in the layer store
	blobs   map[v1.Hash]openedBlob // to be written
}

// PortStep is a step's record and its output.
type PortStep struct {
	Step
	// Stdout is the digest of its standard output, "sha256:…"; empty: it wrote nothing.
	Stdout string `json:"stdout,omitempty"`
	// Made is how it came to be; nil: that is not known.
	Made *Made `json:"made,omitempty"`
}

const portVersion = 2 // of the keys, too

// The media types of a portable cache.
const (
	portConfig types.MediaType = "application/vnd.shbuild.cache.config.v1+json"
	portStdout types.MediaType = "application/vnd.shbuild.cache.stdout.v1"
	portCopied types.MediaType = "application/vnd.shbuild.cache.copied.v1"
)

type openedBlob struct {
	desc v1.Descriptor
	open func() (io.ReadCloser, error)
}

// NewPortable is an empty one.
func NewPortable() *Portable {
	return &Portable{Version: portVersion, Steps: map[string]PortStep{}, Layers: map[string]Blob{}, blobs: map[v1.Hash]openedBlob{}}
}

// AddStep adds a step's record with what it wrote, nil: nothing, and how it came to be, nil: that is not known.
func (p *Portable) AddStep(key string, s Step, stdout []byte, made *Made) {
	step := PortStep{Step: s, Made: made}
	if len(stdout) > 0 {
		step.Stdout = p.add(portStdout, stdout).String()
	}
	p.Steps[key] = step
}

// AddContent adds what the digest of one of a step's inputs is the digest of.
func (p *Portable) AddContent(content []byte) { p.add(portCopied, content) }

func (p *Portable) add(kind types.MediaType, content []byte) v1.Hash {
	hash, size, _ := v1.SHA256(bytes.NewReader(content))
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	p.blobs[hash] = openedBlob{v1.Descriptor{MediaType: kind, Size: size, Digest: hash}, open}
	return hash
}

// AddLayer adds a layer under its ID.
func (p *Portable) AddLayer(id string, l v1.Layer) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	diffID, err := l.DiffID()
	if err != nil {
		return err
	}
	size, err := l.Size()
	if err != nil {
		return err
	}
	mediaType, err := l.MediaType()
	if err != nil {
		return err
	}
	p.Layers[id] = Blob{DiffID: diffID.String(), Digest: digest.String(), Size: size, MediaType: string(mediaType)}
	p.blobs[digest] = openedBlob{v1.Descriptor{MediaType: mediaType, Size: size, Digest: digest}, l.Compressed}
	return nil
}

// Write writes it into a folder, as an OCI layout, under a tag. What is there under other tags stays, and under
// this one is replaced at the end.
func (p *Portable) Write(dir, tag string) error {
	if err := p.write(dir, tag); err != nil {
		return fmt.Errorf("write the cache to %s: %w", dir, err)
	}
	return nil
}

func (p *Portable) write(dir, tag string) error {
	path, err := beginLayout(dir)
	if err != nil {
		return err
	}
	config, err := json.Marshal(p)
	if err != nil {
		return err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return err
	}
	manifest := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: []v1.Descriptor{},
		Config: v1.Descriptor{MediaType: portConfig, Size: size, Digest: digest},
	}
	for _, hash := range sortedHashes(p.blobs) {
		blob := p.blobs[hash]
		content, err := blob.open()
		if err != nil {
			return err
		}
		if err := path.WriteBlob(hash, content); err != nil {
			return err
		}
		manifest.Layers = append(manifest.Layers, blob.desc)
	}
	if err := path.WriteBlob(digest, io.NopCloser(bytes.NewReader(config))); err != nil {
		return err
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	hash, size, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if err := path.WriteBlob(hash, io.NopCloser(bytes.NewReader(raw))); err != nil {
		return err
	}
	if err := path.RemoveDescriptors(match.Name(tag)); err != nil {
		return err
	}
	return path.AppendDescriptor(v1.Descriptor{
		MediaType: types.OCIManifestSchema1, Size: size, Digest: hash,
		Annotations: map[string]string{ocispec.AnnotationRefName: tag},
	})
}

// beginLayout opens a layout, or makes one of a folder with nothing in it.
func beginLayout(dir string) (layout.Path, error) {
	files, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(files) == 0:
		return layout.Write(dir, empty.Index)
	case err != nil:
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
		return "", errors.New("the folder has other files in it and is no OCI layout")
	}
	return layout.FromPath(dir)
}

// Imported is a portable cache that was read.
type Imported struct {
	*Portable
	path layout.Path
}

// Import reads a portable cache out of a layout: by a digest, else by a tag. What is not there is fs.ErrNotExist.
func Import(dir, tag, digest string) (*Imported, error) {
	path, err := layout.FromPath(dir)
	if err != nil {
		return nil, err
	}
	hash, err := findManifest(path, tag, digest)
	if err != nil {
		return nil, err
	}
	raw, err := readBlob(path, hash)
	if err != nil {
		return nil, err
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if manifest.Config.MediaType != portConfig {
		return nil, fmt.Errorf("it is no cache of shbuild's, but %s", manifest.Config.MediaType)
	}
	config, err := readBlob(path, manifest.Config.Digest)
	if err != nil {
		return nil, err
	}
	p := NewPortable()
	if err := json.Unmarshal(config, p); err != nil {
		return nil, err
	}
	if p.Version != portVersion {
		return nil, fmt.Errorf("it is of version %d, and this shbuild reads version %d", p.Version, portVersion)
	}
	return &Imported{p, path}, p.check()
}

func findManifest(path layout.Path, tag, digest string) (v1.Hash, error) {
	if digest != "" {
		return v1.NewHash(digest)
	}
	index, err := path.ImageIndex()
	if err != nil {
		return v1.Hash{}, err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return v1.Hash{}, err
	}
	for _, d := range list.Manifests {
		if d.Annotations[ocispec.AnnotationRefName] == tag {
			return d.Digest, nil
		}
	}
	return v1.Hash{}, fmt.Errorf("tag %s: %w", tag, fs.ErrNotExist)
}

var (
	keyForm   = pattern.Lazy(`^[0-9a-f]{64}$`)
	slotForm  = pattern.Lazy(`^[0-9a-f]{32}$`)
	layerForm = pattern.Lazy(`^([0-9a-f]{32}|sha256-[0-9a-f]{64})$`)
)

// check refuses names that this version would not have given: they become names of files here.
func (p *Portable) check() error {
	for key, s := range p.Steps {
		if !keyForm().MatchString(key) || s.Layer != "" && !layerForm().MatchString(s.Layer) {
			return fmt.Errorf("it has a step of the odd name %q", key)
		}
		if s.Made == nil {
			continue
		}
		for _, slot := range s.Made.Slots {
			if !slotForm().MatchString(slot) {
				return fmt.Errorf("it has a slot of the odd name %q", slot)
			}
		}
	}
	for id := range p.Layers {
		if !layerForm().MatchString(id) {
			return fmt.Errorf("it has a layer of the odd name %q", id)
		}
	}
	return nil
}

// Output is what a step wrote; nil: nothing.
func (i *Imported) Output(s PortStep) ([]byte, error) {
	if s.Stdout == "" {
		return nil, nil
	}
	hash, err := v1.NewHash(s.Stdout)
	if err != nil {
		return nil, err
	}
	return readBlob(i.path, hash)
}

// Made returns how the entry of a key came to be, as Cache.Made does.
func (i *Imported) Made(key string) (Made, bool) {
	s, ok := i.Steps[key]
	if !ok || s.Made == nil || s.Made.Inputs.Key() != key {
		return Made{}, false
	}
	return *s.Made, true
}

// Near returns the keys of the steps that were made in a slot, in no order.
func (i *Imported) Near(slot string) []string {
	var keys []string
	for key, s := range i.Steps {
		if s.Made != nil && slices.Contains(s.Made.Slots, slot) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Content returns what a digest is the digest of, as Cache.Content does.
func (i *Imported) Content(digest string) ([]byte, error) {
	hash, err := v1.NewHash("sha256:" + digest)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	return readBlob(i.path, hash)
}

// Open opens a layer's blob. Its digest is for the reader to check.
func (i *Imported) Open(b Blob) (io.ReadCloser, error) {
	hash, err := v1.NewHash(b.Digest)
	if err != nil {
		return nil, err
	}
	return i.path.Blob(hash)
}

// readBlob reads a small blob whole, and checks its digest.
func readBlob(path layout.Path, want v1.Hash) ([]byte, error) {
	raw, err := path.Bytes(want)
	if err != nil {
		return nil, err
	}
	if got, _, err := v1.SHA256(bytes.NewReader(raw)); err != nil || got != want {
		return nil, fmt.Errorf("blob %s is damaged: %w", want, errors.Join(err, fmt.Errorf("it has the digest %s", got)))
	}
	return raw, nil
}
