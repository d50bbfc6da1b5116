package build

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/containerd/platforms"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/registry/store"
	"github.com/shbuild/shbuild/runtime/reason"
	"github.com/shbuild/shbuild/runtime/trace"
	"github.com/shbuild/shbuild/runtime/userland"
)

// A base is an image that a FROM or --from names: its configuration is known,
// its layers are unpacked by its node.
type base struct {
	name     string
	config   dockerspec.DockerOCIImage
	platform ocispec.Platform
	image    v1.Image                                // nil: the builtin userland, or made in this build
	remote   bool                                    // image is the registry's, so the store does not have it yet
	folder   func(ctx context.Context) (part, error) // a named context that is no image: its files

	once sync.Once // resolves the above
	err  error

	unpack sync.Once    // makes node
	how    atomic.Value // an Ending, once it is unpacked
	node   *node
}

// platform reads a --platform, of a FROM or the build's own.
func (b *Builder) platform(text string) (ocispec.Platform, error) {
	if text == "" {
		return b.target, nil
	}
	p, err := platforms.Parse(text)
	if err != nil {
		return p, fmt.Errorf("--platform=%s: %w", text, err)
	}
	return p, nil
}

// resolve finds an image: the builtin one, one that this build made, one in
// the store, one in its registry. Each is resolved once in a build.
func (b *Builder) resolve(name, platform string) (*base, error) {
	p, err := b.platform(platform)
	if err != nil {
		return nil, err
	}
	if source, ok := b.namedContext(name); ok {
		return b.contextBase(name, source, p)
	}
	return b.resolveImage(name, p)
}

func (b *Builder) resolveImage(name string, p ocispec.Platform) (*base, error) {
	key, err := baseKey(name, p)
	if err != nil {
		return nil, err
	}
	img := b.known(key, name, p)
	img.once.Do(func() { img.err = b.load(b.whole, img) })
	return img, img.err
}

// known is the one base of a key in this build; who first asks for it loads it.
func (b *Builder) known(key, name string, p ocispec.Platform) *base {
	b.mu.Lock()
	defer b.mu.Unlock()
	img, ok := b.bases[key]
	if !ok {
		img = &base{name: name, platform: p}
		b.bases[key] = img
	}
	return img
}

// told says how an image was found, for --why.
func (img *base) told() string {
	switch how, ok := img.how.Load().(Ending); {
	case !ok:
		return "was not needed"
	case how == Cached:
		return "its layers are here"
	}
	return "its layers were not here, and were unpacked"
}

// identity says which image it is, for --why.
func (img *base) identity() string {
	digest := "unknown"
	if img.image != nil {
		if d, err := img.image.Digest(); err == nil {
			digest = d.String()
		}
	}
	return reason.Image(img.name, platforms.FormatAll(img.platform), digest)
}

func baseKey(name string, p ocispec.Platform) (string, error) {
	if name == userland.Name {
		return name + " " + platforms.FormatAll(p), nil
	}
	if err := noSuchBuiltin(name); err != nil {
		return "", err
	}
	full, err := store.Normalize(name)
	return full + " " + platforms.FormatAll(p), err
}

func (b *Builder) load(ctx context.Context, img *base) (err error) {
	ctx, span := trace.Start(trace.On(ctx, basesTrack), "resolve "+img.name)
	defer func() { ended(span, err) }()
	if img.name == userland.Name {
		return b.loadBuiltin(img)
	}
	want := storePlatform(img.platform)
	if !b.opts.Pull {
		found, ok, err := b.images.Image(img.name, want)
		if err != nil {
			return err
		}
		if ok {
			img.image = found
			return img.readConfig()
		}
	}
	if err := b.work(); err != nil {
		return err
	}
	found, _, err := b.registry.Fetch(ctx, img.name, want)
	if err != nil {
		return err
	}
	img.image, img.remote = found, true
	return img.readConfig()
}

// readConfig reads the image's configuration, and says of the platform what
// the image says: a name without an index is whatever it is.
func (img *base) readConfig() error {
	raw, err := img.image.RawConfigFile()
	if err != nil {
		return err
	}
	return img.setConfig(raw)
}

func (img *base) setConfig(raw []byte) error {
	if err := json.Unmarshal(raw, &img.config); err != nil {
		return fmt.Errorf("read the configuration of %s: %w", img.name, err)
	}
	if c := img.config.Platform; c.OS != "" && c.Architecture != "" {
		img.platform = platforms.Normalize(c)
	}
	return nil
}
