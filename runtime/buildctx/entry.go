package buildctx

import (
	"errors"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// entry copies n, which is no folder and stands in the open folder src, as name into t.
func (c *copier) entry(src int, n *node, t *target, name string, buf []byte) error {
	switch n.kind() {
	case unix.S_IFREG:
		return c.regular(src, n, t, name, buf)
	case unix.S_IFLNK:
		link, err := readlink(src, n.name)
		if err != nil {
			return unreadable(n.path, err)
		}
		err = c.retry(t, name, func() error { return unix.Symlinkat(link, t.fd, name) })
		if err != nil {
			return writeError(t, name, "make the symlink", err)
		}
	default:
		if err := c.special(n, t, name); err != nil {
			return err
		}
	}
	return finishByName(t, name, n.kind() == unix.S_IFLNK, c.meta(&n.stat))
}

// special makes a FIFO or a device. A socket becomes an empty file, as in BuildKit.
func (c *copier) special(n *node, t *target, name string) error {
	kind, act := n.kind(), "make the FIFO"
	switch kind {
	case unix.S_IFSOCK:
		kind, act = unix.S_IFREG, "make the file"
	case unix.S_IFCHR, unix.S_IFBLK:
		return writeError(t, name, actDevice, unix.EPERM) // also where the kernel would: see the extractor
	}
	err := c.retry(t, name, func() error { return unix.Mknodat(t.fd, name, kind|0o600, 0) })
	if err != nil {
		return writeError(t, name, act, err)
	}
	return nil
}

// finishByName sets the metadata of what cannot be opened. It was just made by this name, or is a
// folder, so no symlink is followed.
func finishByName(t *target, name string, symlink bool, m meta) error {
	if err := owner.SetAt(t.fd, name, int(m.uid), int(m.gid)); err != nil {
		return writeError(t, name, actChown, err)
	}
	if !symlink {
		if err := unix.Fchmodat(t.fd, name, m.mode, 0); err != nil {
			return writeError(t, name, actChmod, err)
		}
	}
	if err := m.setTimes(t.fd, name); err != nil {
		return writeError(t, name, actTimes, err)
	}
	return nil
}

func (c *copier) regular(src int, n *node, t *target, name string, buf []byte) error {
	var st unix.Stat_t
	in, err := openRegular(src, n.name, &st)
	if err != nil {
		return unreadable(n.path, err)
	}
	defer unix.Close(in)
	if c.view.stage {
		owner.LookupFd(in, &st)
	}
	if st.Nlink > 1 && c.links != nil {
		return c.linked(&st, t, name, func() error { return c.opened(in, &st, n, t, name, buf) })
	}
	return c.opened(in, &st, n, t, name, buf)
}

// linked makes a file that has several names by cp, or links the name to the copy that there is.
func (c *copier) linked(st *unix.Stat_t, t *target, name string, cp func() error) error {
	c.linking.Lock()
	defer c.linking.Unlock()
	id := inode{uint64(st.Dev), st.Ino}
	first, ok := c.links[id]
	if !ok {
		c.links[id] = join(t.path, name)
		return cp()
	}
	// Every folder on the way was made or raised, and no symlink was followed since.
	err := c.retry(t, name, func() error { return unix.Linkat(c.top.fd, first, t.fd, name, 0) })
	if err != nil {
		return writeError(t, name, "make the hard link", err)
	}
	return nil
}

// opened copies a file that is open.
func (c *copier) opened(in int, st *unix.Stat_t, n *node, t *target, name string, buf []byte) error {
	out, err := c.create(t, name)
	if err != nil {
		return err
	}
	defer unix.Close(out)
	if err := c.content(in, out, st, buf); err != nil {
		var r readError
		if errors.As(err, &r) {
			return unreadable(n.path, r.error)
		}
		return writeError(t, name, "write", err)
	}
	var attr []byte
	if c.view.stage {
		attr = capability(in)
	}
	return c.finishFile(out, t, name, c.meta(st), attr)
}

// create makes a file that was not there before.
func (c *copier) create(t *target, name string) (fd int, err error) {
	err = c.retry(t, name, func() (err error) {
		fd, err = unix.Openat(t.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return -1, writeError(t, name, "make the file", err)
	}
	return fd, nil
}

// finishFile sets the metadata of a file that has been written. The order matters: a change of owner
// takes setuid bits and capabilities away.
func (c *copier) finishFile(fd int, t *target, name string, m meta, attr []byte) error {
	if m.uid != c.uid || m.gid != c.gid || t.setgid {
		if err := owner.Set(fd, int(m.uid), int(m.gid)); err != nil {
			return writeError(t, name, actChown, err)
		}
	}
	return c.finishOwned(fd, t, name, m, attr)
}

// finishOwned is what is left of finishFile once the owner is set.
func (c *copier) finishOwned(fd int, t *target, name string, m meta, attr []byte) error {
	if err := unix.Fchmod(fd, m.mode); err != nil {
		return writeError(t, name, actChmod, err)
	}
	if len(attr) > 0 {
		if err := unix.Fsetxattr(fd, capabilityAttr, attr, 0); err != nil {
			return writeError(t, name, "set the file capabilities", err)
		}
	}
	if err := m.setTimes(t.fd, name); err != nil {
		return writeError(t, name, actTimes, err)
	}
	return nil
}

func writeError(t *target, name, act string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return unwritable(join(t.path, name), act, err)
}

type readError struct{ error }

const (
	// bufferSize is what one worker reads at once; smaller files take one read and one write.
	bufferSize = 128 << 10
	// sparseSize is from when on holes are looked for.
	sparseSize = 64 << 10
)

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// content copies what is in a file, holes as holes.
func (c *copier) content(in, out int, st *unix.Stat_t, buf []byte) error {
	if buf == nil {
		b := buffers.Get().(*[]byte)
		defer buffers.Put(b)
		buf = *b
	}
	if st.Size < sparseSize || st.Blocks*512 >= st.Size {
		return c.span(in, out, 0, st.Size, buf)
	}
	for at := int64(0); at < st.Size; {
		start, err := unix.Seek(in, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // a hole to the end
		}
		if err != nil {
			return c.span(in, out, at, st.Size-at, buf)
		}
		if at, err = unix.Seek(in, start, unix.SEEK_HOLE); err != nil {
			return readError{err}
		}
		if err := c.span(in, out, start, min(at, st.Size)-start, buf); err != nil {
			return err
		}
	}
	return unix.Ftruncate(out, st.Size)
}

// span copies size bytes at an offset, less if the file is shorter. The kernel does it where it can:
// then file systems that share blocks share them.
func (c *copier) span(in, out int, at, size int64, buf []byte) error {
	end := at + size
	for size > bufferSize && at < end && !c.noRange.Load() {
		from, to := at, at
		n, err := unix.CopyFileRange(in, &from, out, &to, int(min(end-at, 1<<30)), 0)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EXDEV, err == unix.ENOSYS, err == unix.EOPNOTSUPP, err == unix.EINVAL, err == unix.EPERM:
			c.noRange.Store(true)
			continue
		case err != nil:
			return err
		case n == 0:
			return nil
		}
		at += int64(n)
	}
	for at < end {
		n, err := unix.Pread(in, buf[:min(int64(len(buf)), end-at)], at)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return readError{err}
		}
		if n == 0 {
			return nil
		}
		if err := pwriteAll(out, buf[:n], at); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}
