package layer

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Clone copies a layer's folder into an empty one, with other owners, and is otherwise exact: times, holes, links,
// modes, capabilities, whiteouts. Where the file system can, the two share their blocks. What is there after an
// error is to be thrown away.
func Clone(ctx context.Context, from, to string, o Owners) error {
	src, err := openat(unix.AT_FDCWD, from, openFolder, 0)
	if err != nil {
		return fmt.Errorf("open the layer %s: %w", from, err)
	}
	defer unix.Close(src)
	dst, err := openat(unix.AT_FDCWD, to, openFolder, 0)
	if err != nil {
		return fmt.Errorf("open the layer %s: %w", to, err)
	}
	defer unix.Close(dst)
	c := &cloner{owners: o, top: dst, links: map[inode]string{}, buf: make([]byte, bufferSize)}
	return c.folder(ctx, src, dst, "")
}

// cloner is one Clone.
type cloner struct {
	owners   Owners
	top      int              // the copy
	links    map[inode]string // where the first name of a file with several is, in the copy
	buf      []byte
	noShared bool // blocks cannot be shared
	noRange  bool // nor can the kernel copy them
}

// folder copies what is in a folder, and then its attributes.
func (c *cloner) folder(ctx context.Context, src, dst int, at string) error {
	names, err := namesIn(src)
	if err != nil {
		return &EntryError{Op: "read", Name: "/" + at, Err: err}
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.entry(ctx, src, dst, name, path.Join(at, name)); err != nil {
			return cloneError(path.Join(at, name), err)
		}
	}
	st, err := lstatat(src, ".")
	if err == nil {
		err = c.attributes(src, dst, &st)
	}
	return cloneError(at, err)
}

// cloneError names the entry, unless the error is not about it.
func cloneError(name string, err error) error {
	var e *EntryError
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &EntryError{Op: "copy", Name: "/" + name, Err: err}
}

func (c *cloner) entry(ctx context.Context, src, dst int, name, full string) error {
	st, err := lstatat(src, name)
	if err != nil {
		return err
	}
	switch {
	case isWhiteout(src, name, &st): // before links: overlayfs links whiteouts to each other
		return whiteout(&folder{fd: dst, path: path.Dir(full)}, name)
	case isDir(&st):
		return c.subfolder(ctx, src, dst, name, full)
	}
	if st.Nlink > 1 {
		id := inode{st.Dev, st.Ino}
		if first, ok := c.links[id]; ok {
			return unix.Linkat(c.top, first, dst, name, 0)
		}
		c.links[id] = full
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return c.regular(ctx, src, dst, name, &st)
	case unix.S_IFLNK:
		target, err := readlinkat(src, name)
		if err == nil {
			err = unix.Symlinkat(target, dst, name)
		}
		return c.plain(dst, name, &st, err)
	}
	return c.plain(dst, name, &st, unix.Mknodat(dst, name, st.Mode&unix.S_IFMT|0o600, int(st.Rdev)))
}

func (c *cloner) subfolder(ctx context.Context, src, dst int, name, full string) error {
	from, err := openat(src, name, openFolder, 0)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	if err := unix.Mkdirat(dst, name, 0o700); err != nil {
		return err
	}
	to, err := openat(dst, name, openFolder, 0)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	return c.folder(ctx, from, to, full)
}

func (c *cloner) regular(ctx context.Context, src, dst int, name string, st *unix.Stat_t) error {
	from, err := openat(src, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	to, err := openat(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	if err := c.content(ctx, from, to, st.Size); err != nil {
		return err
	}
	return c.attributes(from, to, st)
}

// content copies a file's bytes; holes stay holes.
func (c *cloner) content(ctx context.Context, from, to int, size int64) error {
	if size == 0 {
		return nil
	}
	if !c.noShared {
		err := unix.IoctlFileClone(to, from)
		if err == nil {
			return nil
		}
		c.noShared = err != unix.EINTR
	}
	if err := unix.Ftruncate(to, size); err != nil {
		return err
	}
	for at := int64(0); at < size; {
		start, err := unix.Seek(from, at, unix.SEEK_DATA)
		if err == unix.ENXIO { // a hole up to the end
			return nil
		}
		end := size
		if err == nil {
			end, err = unix.Seek(from, start, unix.SEEK_HOLE)
		}
		if err != nil {
			return err
		}
		if err := c.piece(ctx, from, to, start, end); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// piece copies the bytes from start to end.
func (c *cloner) piece(ctx context.Context, from, to int, start, end int64) error {
	for start < end {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := c.some(from, to, start, min(end-start, 64<<20))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return errors.New("it became shorter while it was copied")
		}
		start += int64(n)
	}
	return nil
}

func (c *cloner) some(from, to int, at, most int64) (int, error) {
	if !c.noRange {
		in, out := at, at
		n, err := unix.CopyFileRange(from, &in, to, &out, int(most), 0)
		if err == nil || err == unix.EINTR || err == unix.ENOSPC || err == unix.EDQUOT {
			return n, err
		}
		c.noRange = true
	}
	n, err := unix.Pread(from, c.buf[:min(most, int64(len(c.buf)))], at)
	if err != nil {
		return 0, err
	}
	for done := 0; done < n; {
		m, err := unix.Pwrite(to, c.buf[done:n], at+int64(done))
		if err != nil && err != unix.EINTR {
			return 0, err
		}
		done += max(m, 0)
	}
	return n, nil
}

// attributes gives an open file or folder the rest. The order matters: chown takes setuid bits and capabilities away.
func (c *cloner) attributes(from, to int, st *unix.Stat_t) error {
	uid, gid, err := ownerFor(st, c.owners)
	if err != nil {
		return err
	}
	if err := unix.Fchown(to, uid, gid); err != nil {
		return err
	}
	if err := unix.Fchmod(to, st.Mode&0o7777); err != nil {
		return err
	}
	if err := c.xattrs(from, to); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, procPath(to, ""), []unix.Timespec{st.Atim, st.Mtim}, 0)
}

// plain finishes an entry that cannot be opened, if making it succeeded.
func (c *cloner) plain(dst int, name string, st *unix.Stat_t, err error) error {
	if err != nil {
		return err
	}
	uid, gid, err := ownerFor(st, c.owners)
	if err != nil {
		return err
	}
	if err := unix.Fchownat(dst, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if !isSymlink(st) {
		if err := unix.Fchmodat(dst, name, st.Mode&0o7777, 0); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(dst, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// xattrs copies the extended attributes that a layer's folder has by right: capabilities, a user's, access lists, and of
// overlayfs's own those that say what hides what. Others speak of the very file that they are on.
func (c *cloner) xattrs(from, to int) error {
	list := make([]byte, unix.Getpagesize())
	n, err := unix.Flistxattr(from, list)
	if err == unix.ERANGE {
		list = make([]byte, 64<<10) // XATTR_LIST_MAX
		n, err = unix.Flistxattr(from, list)
	}
	if err == unix.ENOTSUP || err == nil && n == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list its attributes: %w", err)
	}
	for key := range strings.SplitSeq(strings.TrimSuffix(string(list[:n]), "\x00"), "\x00") {
		if !clonedXattr(key) {
			continue
		}
		value := make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err := unix.Fgetxattr(from, key, value)
		value = value[:max(n, 0)]
		if key == xattrCapability {
			value = ownCapability(value)
		}
		if err == nil {
			err = unix.Fsetxattr(to, key, value, 0)
		}
		if err != nil {
			return fmt.Errorf("copy its attribute %s: %w", key, err)
		}
	}
	return nil
}

func clonedXattr(key string) bool {
	if own, ok := strings.CutPrefix(key, xattrOverlay); ok {
		return key == xattrOpaque || strings.HasPrefix(own, "overlay.")
	}
	return key == xattrCapability || strings.HasPrefix(key, "user.") || strings.HasPrefix(key, "system.posix_acl_")
}
