package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/image"
	"github.com/shbuild/shbuild/runtime/trace"
)

// Output is one --output.
type Output struct {
	Type   string // "oci", "docker", "local", "tar", "image", "registry"
	Dest   string // a file, a folder, or "-" for standard output; empty for the store and the registry
	Folder bool   // oci: a folder, not a tar
	// Rewrite lets no file of the build's own layers be younger than SOURCE_DATE_EPOCH. As the
	// result is one image whatever its outputs, one output that asks for it asks for all.
	Rewrite bool
	Form    Form // of images

	owners bool // local: files keep their owners
}

// Wanted says what becomes of a build's result.
type Wanted struct {
	Tags    []string // -t, as typed
	Keep    bool     // as an image in the store even without a name
	Push    bool     // to the registries of Tags
	Outputs []Output
	Default Form      // where no output has one
	Stdout  io.Writer // for outputs to "-"
}

// Asked says whether anything becomes of the result at all.
func (w Wanted) Asked() bool {
	return len(w.Tags) > 0 || w.Keep || w.Push || len(w.Outputs) > 0
}

// Images says whether anything asked for needs the result as an image.
func (w Wanted) Images() bool {
	if len(w.Tags) > 0 || w.Keep || w.Push {
		return true
	}
	for _, o := range w.Outputs {
		if o.Type != "local" && o.Type != "tar" {
			return true
		}
	}
	return false
}

// Form is the form of the image that the store and the registries get: that of an output for them, else that of
// the first output that is an image. Where nothing but the store gets it, and nobody asks for a compression, its layers
// are compressed later, if ever.
func (w Wanted) Form() Form {
	f := w.form()
	f.Later = !w.sends() && f.Compression == "" && f.Level == nil && !f.Force && !f.Docker && !w.rewrites()
	return f
}

// sends says whether some output wants the layers' blobs.
func (w Wanted) sends() bool {
	return w.Push || slices.ContainsFunc(w.Outputs, func(o Output) bool {
		return slices.Contains([]string{"registry", "oci", "docker"}, o.Type)
	})
}

// rewrites says whether some output wants other times than the files have here.
func (w Wanted) rewrites() bool {
	return slices.ContainsFunc(w.Outputs, func(o Output) bool { return o.Rewrite })
}

func (w Wanted) form() Form {
	for _, kinds := range [][]string{{"image", "registry"}, {"oci", "docker"}} {
		for _, o := range w.Outputs {
			if slices.Contains(kinds, o.Type) {
				return o.Form
			}
		}
	}
	return w.Default
}

// ErrNoResult is for a script that only COMMITs, when something was asked of
// its own result.
var ErrNoResult = diag.WithHint(errors.New("the script ends without a stage of its own, so there is no result to name or write"), "COMMIT names what it builds; -o type=oci writes what was COMMITted")

// Deliver gives the result its names and writes the outputs. Of builds for several platforms the results become one
// image, or a folder each.
func Deliver(ctx context.Context, built []Built, w Wanted) (d Delivered, err error) {
	tags, err := normalized(w.Tags)
	if err != nil {
		return d, err
	}
	of := results(built)
	if len(of) == 0 && (len(tags) > 0 || w.Push) {
		return d, ErrNoResult
	}
	t := &delivery{built: built, of: of, tags: tags, stdout: w.Stdout, products: map[string]*product{}}
	if len(of) > 0 && w.Images() {
		if d, err = t.result(ctx, w); err != nil {
			return d, err
		}
	}
	for _, o := range w.Outputs {
		if err := t.write(ctx, o); err != nil {
			return d, fmt.Errorf("output %s: %w", o.Type, err)
		}
	}
	for _, x := range built {
		d.Committed += len(x.Result.Images)
	}
	return d, nil
}

// delivery is one Deliver.
type delivery struct {
	built, of []Built // all; those that have a result
	tags      []string
	stdout    io.Writer
	products  map[string]*product // by their forms
}

// product is the result in a form, made once.
func (t *delivery) product(ctx context.Context, form Form, pushTo []string) (*product, error) {
	key := fmt.Sprintf("%s %t %t %t %+v", form.suffix(), form.Force, form.Docker, form.Later, form.Annotations)
	if p := t.products[key]; p != nil {
		return p, nil
	}
	ctx, span := trace.Start(ctx, "image")
	defer span.End()
	step := t.of[0].Builder.progress.Begin("image")
	p, err := produce(ctx, t.of, t.tags, form, pushTo)
	if err != nil {
		step.End(Failed)
		return nil, err
	}
	step.End(Done)
	t.products[key] = p
	return p, nil
}

// result makes the result's image, keeps it, and pushes it if that was asked.
func (t *delivery) result(ctx context.Context, w Wanted) (Delivered, error) {
	for _, o := range w.Outputs {
		w.Push = w.Push || o.Type == "registry"
	}
	var pushTo []string
	if w.Push {
		pushTo = t.tags
	}
	p, err := t.product(ctx, w.Form(), pushTo)
	if err == nil {
		err = p.keep(ctx)
	}
	if err != nil {
		return Delivered{}, err
	}
	d, err := p.delivered()
	if err != nil {
		return d, err
	}
	if w.Push {
		err = p.push(ctx)
	}
	return d, err
}

// archived is what an archive holds: what the builds COMMITted, and the result.
func (t *delivery) archived(ctx context.Context, form Form) ([]image.Named, error) {
	var all []image.Named
	for _, x := range t.built {
		all = append(all, archived(x.Result.Images)...)
	}
	if len(t.of) == 0 {
		return all, nil
	}
	p, err := t.product(ctx, form, nil)
	if err != nil {
		return nil, err
	}
	return append(all, p.named()...), nil
}

func (t *delivery) write(ctx context.Context, o Output) (err error) {
	ctx, span := trace.Start(ctx, "write the output "+o.Type)
	defer func() { ended(span, err) }()
	switch o.Type {
	case "image", "registry":
		return nil // done by result
	case "oci", "docker":
		all, err := t.archived(ctx, o.Form)
		switch {
		case err != nil:
			return err
		case o.Folder:
			return image.WriteOCIFolder(ctx, o.Dest, all)
		case o.Type == "oci":
			return toFile(o.Dest, t.stdout, func(w io.Writer) error { return image.WriteOCI(ctx, w, all) })
		}
		return toFile(o.Dest, t.stdout, func(w io.Writer) error { return image.WriteDocker(ctx, w, all) })
	}
	if len(t.built) == 1 {
		return t.built[0].writeFiles(ctx, o, t.stdout)
	}
	return t.writeSplit(ctx, o)
}

// archived are the images as an archive holds them: one entry a name.
func archived(all []Named) []image.Named {
	var out []image.Named
	for _, n := range all {
		if len(n.Names) == 0 {
			out = append(out, image.Named{Image: n.Image})
		}
		for _, name := range n.Names {
			out = append(out, image.Named{Name: name, Image: n.Image})
		}
	}
	return out
}
