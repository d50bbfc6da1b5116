package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/image"
	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/layer"
)

// Output is one --output.
type Output struct {
	Type   string // "oci", "docker", "local", "tar", "image", "registry"
	Dest   string // a file, a folder, or "-" for standard output; empty for the store and the registry
	Folder bool   // oci: a folder, not a tar
	// Rewrite lets no file of the build's own layers be younger than SOURCE_DATE_EPOCH. As the
	// result is one image whatever its outputs, one output that asks for it asks for all.
	Rewrite bool
}

// Wanted says what becomes of a build's result.
type Wanted struct {
	Tags    []string // -t, as typed
	Keep    bool     // as an image in the store even without a name
	Push    bool     // to the registries of Tags
	Outputs []Output
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

// ErrNoResult is for a script that only COMMITs, when something was asked of
// its own result.
var ErrNoResult = diag.WithHint(errors.New("the script ends without a stage of its own, so there is no result to name or write"), "COMMIT names what it builds; -o type=oci writes what was COMMITted")

// Deliver gives the result its names and writes the outputs. It returns the
// image ID, "sha256:…", or "" when there is no image.
func (b *Builder) Deliver(ctx context.Context, r *Result, w Wanted) (id string, err error) {
	tags, err := normalized(w.Tags)
	if err != nil {
		return "", err
	}
	if r.stage == nil && (len(tags) > 0 || w.Push) {
		return "", ErrNoResult
	}
	all := r.Images
	if r.stage != nil && w.Images() {
		img, err := b.result(ctx, r.stage, tags, w)
		if err != nil {
			return "", err
		}
		id = img.ID
		all = append(all[:len(all):len(all)], img)
	}
	for _, o := range w.Outputs {
		if err := b.write(ctx, r, all, o, w.Stdout); err != nil {
			return id, fmt.Errorf("output %s: %w", o.Type, err)
		}
	}
	return id, nil
}

// result makes the result's image, keeps it, and pushes it if that was asked.
func (b *Builder) result(ctx context.Context, s *stage, tags []string, w Wanted) (Named, error) {
	step := b.progress.Begin("image")
	img, err := b.image(ctx, s, b.opts.Labels)
	if err == nil {
		img.Names = tags
		err = b.keep(ctx, img, s.platform)
	}
	if err != nil {
		step.End(Failed)
		return Named{}, err
	}
	step.End(Done)
	for _, o := range w.Outputs {
		w.Push = w.Push || o.Type == "registry"
	}
	if !w.Push {
		return img, nil
	}
	if len(tags) == 0 {
		return img, diag.WithHint(errors.New("a push needs a name"), "give one with -t")
	}
	return img, b.pushAll(ctx, img)
}

func (b *Builder) write(ctx context.Context, r *Result, all []Named, o Output, stdout io.Writer) error {
	switch o.Type {
	case "image", "registry":
		return nil // done by result
	case "oci":
		if o.Folder {
			return image.WriteOCIFolder(ctx, o.Dest, archived(all))
		}
		return toFile(o.Dest, stdout, func(w io.Writer) error { return image.WriteOCI(ctx, w, archived(all)) })
	case "docker":
		return toFile(o.Dest, stdout, func(w io.Writer) error { return image.WriteDocker(ctx, w, archived(all)) })
	}
	asTar := func(root string) error {
		return toFile(o.Dest, stdout, func(w io.Writer) error { return layer.Write(ctx, w, root, nil, layer.WriteOptions{Epoch: b.epoch}) })
	}
	if len(b.exports) > 0 { // then these are the result's files, and the stage's are not
		if o.Type == "tar" {
			return b.exportFolder(ctx, asTar)
		}
		if err := os.MkdirAll(o.Dest, 0o755); err != nil {
			return err
		}
		return b.writeExports(ctx, o.Dest)
	}
	if r.stage == nil {
		return ErrNoResult
	}
	f, err := r.stage.node.solve(ctx)
	if err != nil {
		return err
	}
	return b.mounted(f, nil, func(root string) error {
		if o.Type == "local" {
			return writeFolder(ctx, root, o.Dest)
		}
		return asTar(root)
	})
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

// writeFolder copies the files to a folder outside; all become the caller's.
func writeFolder(ctx context.Context, root, dest string) error {
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return err
	}
	tree, err := buildctx.Root(root)
	if err != nil {
		return err
	}
	matches, err := tree.Find([]string{"/"}, buildctx.FindOptions{})
	if err == nil {
		err = buildctx.Copy(ctx, tree, matches, dest, "/", buildctx.CopyOptions{Owner: &buildctx.Owner{}})
	}
	return errors.Join(err, tree.Close())
}

// toFile writes a file that appears whole or not at all, or to standard
// output for "-".
func toFile(dest string, stdout io.Writer, write func(io.Writer) error) (err error) {
	if dest == "-" {
		return write(stdout)
	}
	if fi, serr := os.Stat(dest); serr == nil && !fi.Mode().IsRegular() {
		if fi.IsDir() {
			return diag.WithHint(fmt.Errorf("%s is a folder", dest), "give a file's name: dest="+filepath.Join(dest, "image.tar"))
		}
		f, err := os.OpenFile(dest, os.O_WRONLY, 0) // a pipe or a device
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := renameio.NewPendingFile(dest, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	return f.CloseAtomicallyReplace()
}
