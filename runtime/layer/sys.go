package layer

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Extended attributes with a meaning here.
const (
	xattrCapability = "security.capability"
	xattrOpaque     = "user.overlay.opaque"
	xattrOverlay    = "user.overlay." // all names like this are overlayfs's own
	xattrWhiteout   = "user.overlay.whiteout"
)

const openFolder = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

func openat(dir int, name string, flags int, mode uint32) (fd int, err error) {
	err = ignoringEINTR(func() error {
		fd, err = unix.Openat(dir, name, flags, mode)
		return err
	})
	return fd, err
}

func openat2(dir int, name string, how *unix.OpenHow) (fd int, err error) {
	err = ignoringEINTR(func() error {
		fd, err = unix.Openat2(dir, name, how)
		return err
	})
	return fd, err
}

// lstatat is fstatat that follows no link.
func lstatat(dir int, name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

func readlinkat(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// writeAll writes all of b.
func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// ignoringEINTR calls f again for as long as a signal interrupts it.
func ignoringEINTR(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

func isDir(st *unix.Stat_t) bool     { return st.Mode&unix.S_IFMT == unix.S_IFDIR }
func isRegular(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFREG }
func isSymlink(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFLNK }

// isSetgid says whether an open folder hands its group down.
func isSetgid(fd int) (bool, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Fstat(fd, &st) })
	return st.Mode&unix.S_ISGID != 0, err
}

// isWhiteout says whether an entry of an open folder stands for a deleted one: a character device 0/0, which is what
// overlayfs makes, or an empty file with a mark, which it understands since Linux 6.7 (see whiteout).
func isWhiteout(dir int, name string, st *unix.Stat_t) bool {
	if st.Mode&unix.S_IFMT == unix.S_IFCHR {
		return st.Rdev == 0
	}
	if !isRegular(st) || st.Size != 0 {
		return false
	}
	n, err := unix.Lgetxattr("/proc/self/fd/"+strconv.Itoa(dir)+"/"+name, xattrWhiteout, nil)
	return err == nil && n > 0
}

// isOpaque says whether an open folder hides what is below it.
func isOpaque(fd int) (bool, error) {
	var value [2]byte
	n, err := unix.Fgetxattr(fd, xattrOpaque, value[:])
	switch err {
	case nil:
		return n == 1 && value[0] == 'y', nil
	case unix.ENODATA, unix.ENOTSUP, unix.ERANGE:
		return false, nil
	}
	return false, err
}

// capability returns a file's capabilities as setcap stores them, as they are
// in the current user namespace; nil if it has none. No system call before
// Linux 6.13 reads attributes relative to a folder, so the path goes by /proc.
func capability(dir int, name string) ([]byte, error) {
	var buf [64]byte // the largest version, V3, has 24 bytes
	n, err := unix.Lgetxattr(procPath(dir, name), xattrCapability, buf[:])
	switch err {
	case nil:
		return buf[:n], nil
	case unix.ENODATA, unix.ENOTSUP:
		return nil, nil
	}
	return nil, err
}

// procPath is a path to an entry of an open folder; without a name it is that of the open file itself.
func procPath(dir int, name string) string {
	path := "/proc/self/fd/" + strconv.Itoa(dir)
	if name == "" {
		return path
	}
	return path + "/" + name
}
