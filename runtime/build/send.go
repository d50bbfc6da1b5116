package build

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"

	"github.com/shbuild/shbuild/registry/image"
)

// Send pushes an image of the store to the registry of its name, and gives the digest of its manifest. Layers that are
// kept as files are compressed, each sent as soon as it is; then the name is the compressed image's. It runs inside the
// namespaces, for files have owners.
func (b *Builder) Send(ctx context.Context, name string) (v1.Hash, error) {
	b.whole, b.cancel = context.WithCancel(ctx)
	full, err := normalized([]string{name})
	if err != nil {
		return v1.Hash{}, err
	}
	from, err := b.resolveImage(name, b.target)
	if err != nil {
		return v1.Hash{}, err
	}
	step := b.progress.Begin("compress " + name)
	img, err := b.compressed(ctx, from, full)
	if err == nil {
		err = b.keep(ctx, img, from.platform)
	}
	if err != nil {
		step.End(Failed)
		return v1.Hash{}, fmt.Errorf("%s: %w", name, err)
	}
	step.End(Done)
	if err := b.pushAll(ctx, img); err != nil {
		return v1.Hash{}, err
	}
	return img.Image.Digest()
}

// compressed is an image with a blob for each of its layers, which begin to go to the registries of the names.
func (b *Builder) compressed(ctx context.Context, from *base, names []string) (Named, error) {
	f, err := b.unpackNode(from, &input{}, "find the files of "+from.name).solve(ctx)
	if err != nil {
		return Named{}, err
	}
	layers, err := b.sentLayers(ctx, f, Form{}, names)
	if err != nil {
		return Named{}, err
	}
	config, err := from.image.RawConfigFile()
	if err != nil {
		return Named{}, err
	}
	manifest, err := from.image.Manifest()
	if err != nil {
		return Named{}, err
	}
	img, err := image.New(config, layers, image.Options{Annotations: manifest.Annotations})
	return Named{Names: names, Image: img, ID: digest.FromBytes(config).String()}, err
}
