package build

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/registry/store"
	"github.com/shbuild/shbuild/runtime/trace"
)

// commit carries out COMMIT and PUSH: the stage becomes an image of these
// names in the store, and goes to the names' registries for PUSH.
func (b *Builder) commit(ctx context.Context, s *stage, names []string, push bool) error {
	full, err := normalized(names)
	if err != nil {
		return err
	}
	verb := "COMMIT"
	if push {
		verb = "PUSH"
	}
	step := b.progress.Begin(verb + " " + strings.Join(names, " "))
	err = b.commitNamed(ctx, s, full, push)
	if err != nil {
		step.End(Failed)
		return err
	}
	step.End(Done)
	return nil
}

func (b *Builder) commitNamed(ctx context.Context, s *stage, names []string, push bool) error {
	form := b.opts.Form
	form.Annotations = nil // they are the result's
	var pushTo []string
	if push {
		pushTo = names
		form.Later = false
	}
	img, err := b.image(ctx, s, nil, form, pushTo)
	if err != nil {
		return err
	}
	img.Names = names
	if err := b.atEnd(func() error { return b.keep(ctx, img, s.platform) }); err != nil {
		return err
	}
	b.remember(img, s)
	if !push {
		return nil
	}
	return b.pushAll(ctx, img)
}

// remember lets later FROMs of the names find the image, and the build's
// result tell of it. A name that is committed again is the later image's.
func (b *Builder) remember(img Named, s *stage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range img.Names {
		key, err := baseKey(name, s.platform)
		if err != nil {
			continue // the names were normalized before
		}
		made := &base{name: name, config: s.clone().image, platform: s.platform, node: s.node}
		if made.node == nil {
			made.node = &node{}
		}
		made.once.Do(func() {})
		b.bases[key] = made
		for i := range b.committed {
			b.committed[i].Names = slices.DeleteFunc(b.committed[i].Names, func(n string) bool { return n == name })
		}
	}
	b.committed = append(b.committed, img)
	b.ported.results = append(b.ported.results, s)
	b.committed = slices.DeleteFunc(b.committed, func(n Named) bool { return len(n.Names) == 0 })
	slices.SortFunc(b.committed, func(x, y Named) int { return strings.Compare(x.Names[0], y.Names[0]) })
}

// keep puts an image into the store, under its names.
func (b *Builder) keep(ctx context.Context, img Named, p ocispec.Platform) error {
	desc, err := b.images.Put(ctx, img.Image)
	if err != nil {
		return err
	}
	for _, name := range img.Names {
		if err := b.images.Tag(name, desc, storePlatform(p)); err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) pushAll(ctx context.Context, img Named) error {
	for _, name := range img.Names {
		step := b.progress.Begin("push " + name)
		pushing, span := trace.Start(ctx, "push "+name)
		err := b.registry.Push(pushing, img.Image, name)
		ended(span, err)
		if err != nil {
			step.End(Failed)
			return err
		}
		step.End(Done)
	}
	return nil
}

func storePlatform(p ocispec.Platform) v1.Platform {
	return v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, OSVersion: p.OSVersion}
}

// normalized are the names in full, in their order, each once.
func normalized(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		full, err := store.Normalize(name)
		if err != nil {
			return nil, err
		}
		if strings.Contains(full, "@") {
			return nil, fmt.Errorf("%s: an image is given a name, not a digest", name)
		}
		if !slices.Contains(out, full) {
			out = append(out, full)
		}
	}
	return out, nil
}
