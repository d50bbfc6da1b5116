package layer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// Merge copies layers, the topmost first, into an empty folder as one tree: what overlayfs would show, for places where
// nothing can be mounted. Blocks are shared where the file system can do that (FICLONE). Files keep their times, and
// those that are hard-linked within a layer stay so. Devices that cannot be made are left out.
func Merge(ctx context.Context, lowers []string, dir string) error {
	under, err := openBelow(lowers)
	if err != nil {
		return err
	}
	defer under.close()
	to, err := openat(unix.AT_FDCWD, dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	defer unix.Close(to)
	m := &merger{copied: newCopied(to)}
	return m.folder(ctx, under, to, "")
}

// merger is one Merge.
type merger struct{ copied *copied }

func (m *merger) folder(ctx context.Context, under below, to int, at string) error {
	if len(under) == 0 {
		return nil
	}
	there, err := under.names()
	if err != nil {
		return mergeError(at, err)
	}
	for name := range there {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := m.entry(ctx, under, to, at, name); err != nil {
			return mergeError(path.Join(at, name), err)
		}
	}
	// After what is in it, which changes its time.
	return mergeError(at, copyAttributes(to, under[0]))
}

func (m *merger) entry(ctx context.Context, under below, to int, at, name string) error {
	low, err := under.lookup(name)
	if err != nil || low == nil {
		return err
	}
	if !isDir(&low.stat) {
		return m.copied.entry(ctx, low.dir, name, &low.stat, to, at)
	}
	sub, err := under.enter(name)
	if err != nil {
		return err
	}
	defer sub.close()
	if err := unix.Mkdirat(to, name, 0o700); err != nil {
		return err
	}
	fd, err := openat(to, name, openFolder, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return m.folder(ctx, sub, fd, path.Join(at, name))
}

func mergeError(at string, err error) error {
	var entry *EntryError
	if err == nil || errors.As(err, &entry) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &EntryError{Op: "copy", Name: "/" + at, Err: err}
}

// copied copies entries into one tree.
type copied struct {
	root  int              // the tree's
	links map[inode]string // where the first name of a file with several went
}

func newCopied(root int) *copied { return &copied{root, map[inode]string{}} }

// entry copies what is no folder from the open folder src to the open folder dst, whose path in the tree is at.
func (c *copied) entry(ctx context.Context, src int, name string, st *unix.Stat_t, dst int, at string) error {
	if st.Nlink > 1 {
		id := inode{st.Dev, st.Ino}
		if first, ok := c.links[id]; ok {
			return c.link(first, dst, name)
		}
		c.links[id] = path.Join(at, name)
	}
	kind := st.Mode & unix.S_IFMT
	switch kind {
	case unix.S_IFREG:
		return copyRegular(ctx, src, name, dst)
	case unix.S_IFSOCK:
		return nil // of a process that is gone
	case unix.S_IFLNK:
		target, err := readlinkat(src, name)
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(target, dst, name); err != nil {
			return err
		}
	default:
		err := unix.Mknodat(dst, name, kind|st.Mode&0o7777, int(st.Rdev))
		if err == unix.EPERM && kind != unix.S_IFIFO {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if err := owner.SetAt(dst, name, int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, owner.ErrNotKept) {
		return err
	}
	if kind != unix.S_IFLNK {
		if err := unix.Fchmodat(dst, name, st.Mode&0o7777, 0); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(dst, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// link gives a file that was copied one more name. Nobody else changes the tree, so the path is what it was.
func (c *copied) link(first string, dst int, name string) error {
	dir, base := path.Split(first)
	if dir == "" {
		dir = "."
	}
	from, err := openat2(c.root, dir, &unix.OpenHow{Flags: openFolder, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return err
	}
	defer unix.Close(from)
	return unix.Linkat(from, base, dst, name, 0)
}

// copyRegular copies a file with all that belongs to it.
func copyRegular(ctx context.Context, src int, name string, dst int) error {
	in, err := openat(src, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	out, err := openat(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(out)
	var st unix.Stat_t
	if err := unix.Fstat(in, &st); err != nil {
		return err
	}
	if st.Size > 0 && unix.IoctlFileClone(out, in) != nil {
		if err := copyContent(ctx, in, out, st.Size); err != nil {
			return err
		}
	}
	return copyAttributes(out, in)
}

// copyContent copies a file's bytes, holes as holes.
func copyContent(ctx context.Context, in, out int, size int64) error {
	if err := unix.Ftruncate(out, size); err != nil {
		return err
	}
	for at := int64(0); at < size; {
		start, err := unix.Seek(in, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // a hole to the end
		}
		end := size
		if err != nil {
			start = at // a file system without holes
		} else if end, err = unix.Seek(in, start, unix.SEEK_HOLE); err != nil {
			return err
		}
		if err := copyRange(ctx, in, out, start, min(end, size)); err != nil {
			return err
		}
		at = end
	}
	return nil
}

func copyRange(ctx context.Context, in, out int, at, end int64) error {
	from, to := at, at
	for from < end {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := unix.CopyFileRange(in, &from, out, &to, int(min(end-from, 64<<20)), 0)
		switch {
		case err == unix.EINTR:
		case err == unix.EXDEV || err == unix.ENOSYS || err == unix.EINVAL || err == unix.EOPNOTSUPP || err == unix.EPERM:
			return copyBytes(ctx, in, out, from, end)
		case err != nil:
			return err
		case n == 0:
			return nil // it became shorter
		}
	}
	return nil
}

func copyBytes(ctx context.Context, in, out int, at, end int64) error {
	buf := make([]byte, min(bufferSize, end-at))
	for at < end {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := unix.Pread(in, buf[:min(int64(len(buf)), end-at)], at)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
		for done := 0; done < n; {
			m, err := unix.Pwrite(out, buf[done:n], at+int64(done))
			if err != nil && err != unix.EINTR {
				return err
			}
			done += max(m, 0)
		}
		at += int64(n)
	}
	return nil
}

// Now is the time that the file system of a folder gives to what is changed in it now. What [Diff] is told of it must
// come from here: clocks differ, and this one has its own ticks.
func Now(dir string) (unix.Timespec, error) {
	f, err := os.CreateTemp(dir, "now-")
	if err != nil {
		return unix.Timespec{}, fmt.Errorf("read the file system's clock: %w", err)
	}
	defer f.Close()
	var st unix.Stat_t
	err = errors.Join(os.Remove(f.Name()), unix.Fstat(int(f.Fd()), &st))
	return st.Ctim, err
}

func sortedNames(there map[string]bool) []string {
	names := make([]string, 0, len(there))
	for name := range there {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
