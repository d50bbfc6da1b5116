package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/platforms"
	"github.com/google/renameio/v2"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/layer"
)

// writeSplit writes the files of several platforms, each platform's in a folder of its name.
func (t *delivery) writeSplit(ctx context.Context, o Output) error {
	dir := o.Dest
	if o.Type == "tar" {
		b := t.built[0].Builder
		draft, err := b.layers.Draft()
		if err != nil {
			return err
		}
		defer func() { _ = draft.Discard() }()
		dir = draft.Dir
	}
	for _, x := range t.built {
		name := strings.ReplaceAll(platforms.Format(x.Builder.target), "/", "_")
		one := Output{Type: "local", Dest: filepath.Join(dir, name), owners: o.Type == "tar"}
		if err := x.writeFiles(ctx, one, t.stdout); err != nil {
			return err
		}
	}
	if o.Type == "tar" {
		return t.built[0].Builder.writeTar(ctx, dir, o, t.stdout)
	}
	return nil
}

// writeTar writes a folder's files as a tar. With SOURCE_DATE_EPOCH all have that time, as in BuildKit.
func (b *Builder) writeTar(ctx context.Context, root string, o Output, stdout io.Writer) error {
	return toFile(o.Dest, stdout, func(w io.Writer) error {
		return layer.Write(ctx, w, root, nil, layer.WriteOptions{Epoch: b.epoch, Same: true})
	})
}

// writeFiles writes the files of a result as a folder or a tar: what it EXPORTs, else its stage's.
func (x Built) writeFiles(ctx context.Context, o Output, stdout io.Writer) error {
	b := x.Builder
	asTar := func(root string) error { return b.writeTar(ctx, root, o, stdout) }
	if len(b.exports) > 0 {
		if o.Type == "tar" {
			return b.exportFolder(ctx, asTar)
		}
		if err := os.MkdirAll(o.Dest, 0o755); err != nil {
			return err
		}
		return b.writeExports(ctx, o.Dest)
	}
	if x.Result.stage == nil {
		return ErrNoResult
	}
	f, err := x.Result.stage.node.solve(ctx)
	if err != nil {
		return err
	}
	return b.mounted(ctx, f, nil, func(root string) error {
		if o.Type == "local" {
			return b.writeFolder(ctx, root, o)
		}
		return asTar(root)
	})
}

// writeFolder copies the files to a folder outside; all become the caller's. With SOURCE_DATE_EPOCH all have that
// time, as in BuildKit.
func (b *Builder) writeFolder(ctx context.Context, root string, o Output) error {
	if err := os.MkdirAll(o.Dest, 0o755); err != nil {
		return err
	}
	options := buildctx.CopyOptions{Time: b.epoch}
	if !o.owners {
		options.Owner = &buildctx.Owner{}
	}
	tree, err := buildctx.Root(root)
	if err != nil {
		return err
	}
	matches, err := tree.Find([]string{"/"}, buildctx.FindOptions{})
	if err == nil {
		err = buildctx.Copy(ctx, tree, matches, o.Dest, "/", options)
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
