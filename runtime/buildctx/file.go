package buildctx

import (
	"errors"

	"golang.org/x/sys/unix"
)

var errNotRegular = errors.New("it is no longer a regular file")

// openRegular opens a regular file for reading, and nothing else: no symlink, and no waiting for a FIFO.
func openRegular(dir int, name string, st *unix.Stat_t) (int, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Fstat(fd, st); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return -1, errNotRegular
	}
	return fd, nil
}

// readAll reads an open file to its end in pieces.
func readAll(fd int, buf []byte, f func([]byte) error) error {
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
		if err := f(buf[:n]); err != nil {
			return err
		}
	}
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

const capabilityAttr = "security.capability"

// capability returns the file capabilities of an open file, nil if it has none.
func capability(fd int) []byte {
	buf := make([]byte, 64) // a capability is 24 bytes at most
	n, err := unix.Fgetxattr(fd, capabilityAttr, buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// pwriteAll writes all of b at an offset.
func pwriteAll(fd int, b []byte, at int64) error {
	for len(b) > 0 {
		n, err := unix.Pwrite(fd, b, at)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}
