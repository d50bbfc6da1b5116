package layer

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// same says whether an entry is as it is below: a folder by owner, mode; others
// also by size, time and capabilities. Files whose times have no fraction of a
// second may come from a tar, which does not hold one, and are compared byte by
// byte: BuildKit's rules.
func (d *differ) same(in *changed, name string, st *unix.Stat_t, low *lower) (bool, error) {
	if low == nil {
		return false, nil
	}
	was := &low.stat
	if st.Mode != was.Mode || st.Uid != was.Uid || st.Gid != was.Gid || st.Rdev != was.Rdev {
		return false, nil
	}
	if isDir(st) {
		return true, nil
	}
	if st.Size != was.Size || st.Mtim != was.Mtim {
		return false, nil
	}
	if st.Mtim.Nsec != 0 || st.Size == 0 {
		return d.sameCapabilities(in.fd, name, st, low)
	}
	return d.sameAll(in.fd, name, st, low)
}

// sameAll says whether what has the same metadata also has the same capabilities and content.
func (d *differ) sameAll(in int, name string, st *unix.Stat_t, low *lower) (bool, error) {
	if same, err := d.sameCapabilities(in, name, st, low); err != nil || !same {
		return false, err
	}
	switch {
	case isSymlink(st):
		return sameTarget(in, low.dir, name)
	case isRegular(st) && st.Size > 0:
		return d.sameContent(in, low.dir, name)
	}
	return true, nil
}

func (d *differ) sameCapabilities(in int, name string, st *unix.Stat_t, low *lower) (bool, error) {
	if isRegular(st) {
		now, err := capability(in, name)
		if err != nil {
			return false, err
		}
		before, err := capability(low.dir, low.name)
		if err != nil || !bytes.Equal(now, before) {
			return false, err
		}
	}
	return true, nil
}

func sameTarget(dir1, dir2 int, name string) (bool, error) {
	a, err := readlinkat(dir1, name)
	if err != nil {
		return false, err
	}
	b, err := readlinkat(dir2, name)
	return a == b, err
}

func (d *differ) sameContent(dir1, dir2 int, name string) (bool, error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd1, err := openat(dir1, name, flags, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd1)
	fd2, err := openat(dir2, name, flags, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd2)
	half := len(d.buf) / 2
	for {
		a, err := readFull(fd1, d.buf[:half])
		if err != nil {
			return false, err
		}
		b, err := readFull(fd2, d.buf[half:])
		if err != nil {
			return false, err
		}
		if !bytes.Equal(a, b) {
			return false, nil
		}
		if len(a) < half {
			return true, nil
		}
	}
}

// readFull fills buf, or as much of it as the file still has.
func readFull(fd int, buf []byte) ([]byte, error) {
	n := 0
	for n < len(buf) {
		m, err := unix.Read(fd, buf[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if m == 0 {
			break
		}
		n += m
	}
	return buf[:n], nil
}
