package layer

import (
	"context"
	"path"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// Diff puts into upper, an empty folder, how a tree that [Merge] has made of lowers differs from them: what overlayfs
// would have there. Entries are compared by owner, mode, kind, size, time and capabilities; where all that is the same,
// those that were changed at all since a moment, by [Now], are compared by content too. Nobody may change the tree
// meanwhile.
func Diff(ctx context.Context, tree string, lowers []string, upper string, since unix.Timespec) error {
	under, err := openBelow(lowers)
	if err != nil {
		return err
	}
	defer under.close()
	in, err := openat(unix.AT_FDCWD, tree, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return mergeError("", err)
	}
	defer unix.Close(in)
	out, err := openat(unix.AT_FDCWD, upper, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return mergeError("", err)
	}
	defer unix.Close(out)
	c := &comparer{
		differ: &differ{buf: make([]byte, 128<<10)}, copied: newCopied(out), since: since,
	}
	if err := c.folder(ctx, &compared{in: in, out: out}, under); err != nil {
		return err
	}
	return mergeError("", copyAttributes(out, in))
}

// comparer is one Diff.
type comparer struct {
	*differ
	copied *copied
	since  unix.Timespec
}

// compared is a folder of the tree.
type compared struct {
	in     int    // open
	out    int    // its counterpart in the layer, open; -1: not made yet
	at     string // its path; "" for the root
	name   string
	parent *compared // nil for the root
}

// make makes the counterpart, and those that it stands in.
func (f *compared) make() error {
	if f.out >= 0 {
		return nil
	}
	if err := f.parent.make(); err != nil {
		return err
	}
	if err := unix.Mkdirat(f.parent.out, f.name, 0o700); err != nil {
		return err
	}
	var err error
	f.out, err = openat(f.parent.out, f.name, openFolder, 0)
	return err
}

func (c *comparer) folder(ctx context.Context, f *compared, under below) error {
	own, err := namesIn(f.in)
	if err != nil {
		return mergeError(f.at, err)
	}
	there, err := under.names()
	if err != nil {
		return mergeError(f.at, err)
	}
	for _, name := range own {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		delete(there, name)
		if err := c.entry(ctx, f, name, under); err != nil {
			return mergeError(path.Join(f.at, name), err)
		}
	}
	for _, name := range sortedNames(there) {
		err := f.make()
		if err == nil {
			err = whiteout(&folder{fd: f.out, path: f.at}, name)
		}
		if err != nil {
			return mergeError(path.Join(f.at, name), err)
		}
	}
	return nil
}

func (c *comparer) entry(ctx context.Context, f *compared, name string, under below) error {
	st, err := lstatat(f.in, name)
	if err != nil {
		return err
	}
	owner.Lookup(f.in, name, &st)
	low, err := under.lookup(name)
	if err != nil {
		return err
	}
	if isDir(&st) {
		return c.subfolder(ctx, f, name, &st, low, under)
	}
	same, err := c.unchanged(f, name, &st, low)
	if err != nil || same {
		return err
	}
	if err := f.make(); err != nil {
		return err
	}
	return c.copied.entry(ctx, f.in, name, &st, f.out, f.at)
}

// unchanged says whether what is no folder is as it was.
func (c *comparer) unchanged(f *compared, name string, st *unix.Stat_t, low *lower) (bool, error) {
	if low == nil {
		return false, nil
	}
	was := &low.stat
	if st.Mode != was.Mode || st.Uid != was.Uid || st.Gid != was.Gid || st.Rdev != was.Rdev || st.Size != was.Size || st.Mtim != was.Mtim {
		return false, nil
	}
	if st.Ctim.Nano() < c.since.Nano() {
		return true, nil
	}
	return c.sameAll(f.in, name, st, low)
}

func (c *comparer) subfolder(ctx context.Context, f *compared, name string, st *unix.Stat_t, low *lower, under below) error {
	fd, err := openat(f.in, name, openFolder, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	sub := &compared{in: fd, out: -1, at: path.Join(f.at, name), name: name, parent: f}
	defer func() {
		if sub.out >= 0 {
			unix.Close(sub.out)
		}
	}()
	if low == nil || st.Mode != low.stat.Mode || st.Uid != low.stat.Uid || st.Gid != low.stat.Gid || st.Mtim != low.stat.Mtim {
		if err := sub.make(); err != nil {
			return err
		}
	}
	subUnder, err := under.enter(name)
	if err != nil {
		return err
	}
	defer subUnder.close()
	if err := c.folder(ctx, sub, subUnder); err != nil {
		return err
	}
	if sub.out < 0 {
		return nil
	}
	return copyAttributes(sub.out, fd) // after what is in it, which changes its time
}
