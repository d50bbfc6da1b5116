package build

import (
	"context"
	"errors"
	"fmt"
	"maps"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/image"
	"github.com/shbuild/shbuild/runtime/trace"
)

// Built is what one build made for its platform.
type Built struct {
	Builder *Builder
	Result  *Result
}

// Delivered is what became of a result as an image.
type Delivered struct {
	ID         string        // digest of the configuration, or of the index of several platforms; empty: no image
	Descriptor v1.Descriptor // of the manifest, or of the index
	Config     string        // digest of the configuration; empty for several platforms
	Names      []string      // in full
	Committed  int           // images that the build made by COMMIT
}

// product is the result as an image in one form: one platform's, or an index of several.
type product struct {
	names    []string
	members  []Named // one for each platform
	of       []Built
	index    v1.ImageIndex // nil: of one platform
	describe map[string]string
}

// results are the builds that end with a stage of their own.
func results(built []Built) []Built {
	var out []Built
	for _, x := range built {
		if x.Result.stage != nil {
			out = append(out, x)
		}
	}
	return out
}

// produce makes the images of the results, and the index that holds them where there are several. Their layers go to pushTo
// meanwhile.
func produce(ctx context.Context, built []Built, names []string, form Form, pushTo []string) (*product, error) {
	var all []ocispec.Platform
	for _, x := range built {
		all = append(all, x.Result.stage.platform)
	}
	if err := form.check(all); err != nil {
		return nil, err
	}
	p := &product{names: names, of: built}
	var members []image.Member
	for i, x := range built {
		img, err := x.Builder.image(ctx, x.Result.stage, x.Builder.opts.Labels, form, pushTo)
		if err != nil {
			return nil, err
		}
		p.members = append(p.members, img)
		members = append(members, image.Member{Image: img.Image, Annotations: form.annotations(onManifestDescriptor, &all[i])})
	}
	if len(members) == 1 {
		p.describe = members[0].Annotations
		return p, nil
	}
	p.describe = form.annotations(onIndexDescriptor, nil)
	var err error
	p.index, err = image.Index(members, form.Docker, form.annotations(onIndex, nil))
	return p, err
}

// named are the product as an archive holds it: one entry a name.
func (p *product) named() []image.Named {
	whole := image.Named{Index: p.index, Annotations: p.describe}
	if p.index == nil {
		whole.Image = p.members[0].Image
	}
	if len(p.names) == 0 {
		return []image.Named{whole}
	}
	var out []image.Named
	for _, name := range p.names {
		n := whole
		n.Name, n.Annotations = name, maps.Clone(p.describe)
		out = append(out, n)
	}
	return out
}

// keep puts the images into the store, each under its platform.
func (p *product) keep(ctx context.Context) error {
	ctx, span := trace.Start(ctx, "keep the image")
	defer span.End()
	for i, img := range p.members {
		img.Names = p.names
		if err := p.of[i].Builder.keep(ctx, img, p.of[i].Result.stage.platform); err != nil {
			return err
		}
	}
	return nil
}

// push sends the product to the registries of its names.
func (p *product) push(ctx context.Context) error {
	if len(p.names) == 0 {
		return diag.WithHint(errors.New("a push needs a name"), "give one with -t")
	}
	b := p.of[0].Builder
	if p.index == nil {
		img := p.members[0]
		img.Names = p.names
		return b.pushAll(ctx, img)
	}
	for _, name := range p.names {
		step := b.progress.Begin("push " + name)
		pushing, span := trace.Start(ctx, "push "+name)
		err := b.registry.PushIndex(pushing, p.index, name)
		ended(span, err)
		if err != nil {
			step.End(Failed)
			return err
		}
		step.End(Done)
	}
	return nil
}

// delivered says what the product is.
func (p *product) delivered() (Delivered, error) {
	desc, err := image.Describe(p.named()[0])
	if err != nil {
		return Delivered{}, fmt.Errorf("describe the image: %w", err)
	}
	desc.Annotations = p.describe
	d := Delivered{Descriptor: desc, Names: p.names, ID: desc.Digest.String()}
	if p.index == nil {
		d.ID, d.Config = p.members[0].ID, p.members[0].ID
	}
	return d, nil
}
