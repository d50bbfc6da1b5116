package build

import (
	"context"
	"errors"
	"os"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/rootfs"
	"github.com/shbuild/shbuild/runtime/trace"
)

// mounted runs f with the files mounted: with the draft's folder on top, or
// read-only where there is no draft.
func (b *Builder) mounted(ctx context.Context, below files, draft *layer.Draft, f func(root string) error) (err error) {
	root, done, err := b.mount(ctx, below, draft)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done(err == nil)) }()
	return f(root)
}

// mount is mounted for those who say themselves when they are done, and whether what became of the files is wanted:
// what was to be changed has been changed, and what was only to be read has not.
func (b *Builder) mount(ctx context.Context, below files, draft *layer.Draft) (root string, done func(wanted bool) error, err error) {
	if err := b.work(); err != nil {
		return "", nil, err
	}
	ctx, span := trace.Start(ctx, "mount")
	defer span.End()
	span.Number("layers", int64(len(below.layers)))
	lowers, err := b.lowers(below)
	if err != nil {
		return "", nil, err
	}
	return b.mountLowers(ctx, lowers, draft)
}

func (b *Builder) mountLowers(ctx context.Context, lowers []string, draft *layer.Draft) (root string, done func(wanted bool) error, err error) {
	if b.copying() {
		return b.mountCopy(ctx, lowers, draft)
	}
	if root, err = b.layers.Temp(); err != nil {
		return "", nil, err
	}
	upper, work := "", ""
	if draft != nil {
		upper, work = draft.Dir, draft.Work
	}
	if err := rootfs.Mount(root, lowers, upper, work); err != nil {
		if b.copyInstead(err) {
			return b.mountCopy(ctx, lowers, draft)
		}
		return "", nil, err
	}
	return root, func(bool) error {
		_, span := trace.Start(ctx, "unmount")
		defer span.End()
		return errors.Join(rootfs.Unmount(root), os.Remove(root))
	}, nil
}

// mustCopy says whether a rung of isolation allows no mounts.
func mustCopy(r *isolation.Report) bool {
	return r != nil && (r.Rung == isolation.Chroot || r.Rung == isolation.None)
}

// chooseMounts has files copied where it is plain that they cannot be mounted.
func (b *Builder) chooseMounts() {
	if mustCopy(b.opts.Isolation) {
		b.startCopying()
	} else if err := rootfs.Suits(b.stateDir("layers")); err != nil {
		b.copyInstead(err)
	}
}

// copying says whether files are copied instead of mounted.
func (b *Builder) copying() bool { return b.copies.Load() != nil }

// startCopying has files copied from now on.
func (b *Builder) startCopying() { b.copies.CompareAndSwap(nil, layer.NewCopies(b.layers.Temp)) }

// copyInstead turns to copying where overlayfs cannot be had, and says so once.
func (b *Builder) copyInstead(why error) bool {
	if !rootfs.NoOverlay(why) {
		return false
	}
	b.noOverlay.Do(func() {
		b.progress.Note("#0 files are copied for the steps, which takes longer: " + why.Error())
		if hint := diag.HintOf(why); hint != "" {
			b.progress.Note("#0 hint: " + hint)
		}
		b.startCopying()
	})
	return true
}

// mountCopy is mount by a copy.
func (b *Builder) mountCopy(ctx context.Context, lowers []string, draft *layer.Draft) (string, func(bool) error, error) {
	tree, err := b.copies.Load().Take(ctx, lowers)
	if err != nil {
		return "", nil, err
	}
	return tree.Dir, func(wanted bool) error {
		switch {
		case !wanted:
			return tree.Remove()
		case draft == nil:
			return tree.Keep(lowers)
		}
		if err := tree.Diff(ctx, draft.Dir); err != nil {
			return errors.Join(err, tree.Remove())
		}
		b.changed.Store(draft, changedCopy{tree, lowers})
		return nil
	}, nil
}

// changedCopy is a tree that a step has changed, and what it was made of.
type changedCopy struct {
	tree   *layer.Copy
	lowers []string
}

// keepCopy keeps a step's tree for the next one, now that its layer is there.
func (b *Builder) keepCopy(draft *layer.Draft, made layer.Layer) error {
	c, ok := b.changed.LoadAndDelete(draft)
	if !ok {
		return nil
	}
	of := c.(changedCopy)
	return of.tree.Keep(append([]string{made.Dir}, of.lowers...))
}
