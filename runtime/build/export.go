package build

import (
	"context"
	"errors"
	"path"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/runtime/buildctx"
)

// An export is what one EXPORT takes out of a stage. It is copied at the end, so that a build that fails has
// written nothing.
type export struct {
	files files
	find  []string // the source, as buildctx finds it
	dest  string   // in the output folder
}

// errNoFolder answers an EXPORT without a place for it.
var errNoFolder = diag.WithHint(errors.New("there is no output folder to copy to"), "give one: -o DIR, or -o type=tar,dest=FILE")

// export carries out EXPORT.
func (b *Builder) export(ctx context.Context, s *stage, c *instr.Export) error {
	if !b.opts.Exports {
		return errNoFolder
	}
	f, err := s.node.solve(ctx)
	if err != nil {
		return err
	}
	src := c.Src
	if !path.IsAbs(src) {
		src = path.Join(s.workdir(), src)
	}
	e := export{files: f, find: []string{src}, dest: path.Join("/", c.Dest) + slashOf(c.Dest)}
	err = b.exported(ctx, e, func(*buildctx.Tree, []buildctx.Match) error { return nil })
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exports = append(b.exports, e)
	return nil
}

// slashOf is the slash at the end of a destination, which makes it a folder.
func slashOf(dest string) string {
	if base := path.Base(dest); dest[len(dest)-1] == '/' || base == "." {
		return "/"
	}
	return ""
}

// exported finds the sources of an export in its stage.
func (b *Builder) exported(ctx context.Context, e export, do func(*buildctx.Tree, []buildctx.Match) error) error {
	return b.mountedTree(ctx, e.files, func(tree *buildctx.Tree) error {
		matches, err := tree.Find(e.find, buildctx.FindOptions{})
		if err != nil {
			return err
		}
		return do(tree, matches)
	})
}

// writeExports copies what the build EXPORTs into a folder; all become the caller's.
func (b *Builder) writeExports(ctx context.Context, dir string) error {
	for _, e := range b.exports {
		err := b.exported(ctx, e, func(tree *buildctx.Tree, matches []buildctx.Match) error {
			return buildctx.Copy(ctx, tree, matches, dir, e.dest, buildctx.CopyOptions{Owner: &buildctx.Owner{}, Time: b.epoch})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// exportFolder runs f with a folder of what the build EXPORTs.
func (b *Builder) exportFolder(ctx context.Context, f func(dir string) error) error {
	draft, err := b.layers.Draft()
	if err != nil {
		return err
	}
	err = b.writeExports(ctx, draft.Dir)
	if err == nil {
		err = f(draft.Dir)
	}
	return errors.Join(err, draft.Discard())
}
