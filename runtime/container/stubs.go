package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"
)

// stubs are the mount points that a root file system lacked. They are made before the container starts and
// removed when it is gone, so that they never get into a layer; only those of kept stay, as in BuildKit. All is done by folder handles and inode
// numbers: the process may rename folders and plant symbolic links meanwhile, and what it made is not ours.
type stubs struct {
	made    []stub
	handles []*os.File
}

// stub is a mount point that was made.
type stub struct {
	parent *os.File
	name   string
	id     inode
	dir    bool
	keep   bool
}

type inode struct{ dev, ino uint64 }

// makeStubs makes the missing mount points. On an error it leaves none.
func makeStubs(rootfs string, mounts []*configs.Mount) (*stubs, error) {
	s := &stubs{}
	for i, m := range mounts {
		if covered(m.Destination, mounts[:i]) {
			continue
		}
		made, err := s.make(rootfs, m)
		if err != nil {
			s.remove(true)
			return nil, fmt.Errorf("make the mount point %s: %w", m.Destination, err)
		}
		// A fresh tmpfs is for everybody, as it is when libcontainer makes the mount point; the stub's mode is
		// not meant for it.
		if made && m.Device == "tmpfs" && !strings.Contains(m.Data, "mode=") {
			m.Data = strings.TrimPrefix(m.Data+",mode=1777", ",")
		}
	}
	return s, nil
}

// kept are mount points that BuildKit leaves in the image.
var kept = []string{"/proc", "/dev", "/sys"}

// covered says whether the path lies in one of the mounts, and so not in the root file system.
func covered(path string, mounts []*configs.Mount) bool {
	for _, m := range mounts {
		if path == m.Destination || strings.HasPrefix(path, m.Destination+"/") {
			return true
		}
	}
	return false
}

// make makes the mount point of one mount where it and folders above it are missing.
func (s *stubs) make(rootfs string, m *configs.Mount) (made bool, err error) {
	path, err := securejoin.SecureJoin(rootfs, m.Destination)
	if err != nil {
		return false, err
	}
	if _, err := os.Lstat(path); err == nil {
		return false, nil // the common case, and without leaving handles open
	}
	relative, err := filepath.Rel(rootfs, path)
	if err != nil {
		return false, err
	}
	file, err := isFile(m)
	if err != nil {
		return false, err
	}
	dir, err := os.OpenFile(rootfs, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false, err
	}
	s.handles = append(s.handles, dir)
	keep := slices.Contains(kept, m.Destination)
	names := strings.Split(relative, "/")
	for i, name := range names {
		last := i == len(names)-1
		next, err := s.step(dir, name, last && file, keep)
		if err != nil {
			return false, err
		}
		dir = next
	}
	return true, nil
}

// isFile says whether the mount point has to be a file.
func isFile(m *configs.Mount) (bool, error) {
	if m.Device != "bind" {
		return false, nil
	}
	info, err := os.Stat(m.Source)
	if err != nil {
		return false, err
	}
	return !info.IsDir(), nil
}

// step opens the entry name of a folder, making it when it is missing; with keep it is to stay.
func (s *stubs) step(dir *os.File, name string, file, keep bool) (*os.File, error) {
	flags := unix.O_NOFOLLOW | unix.O_CLOEXEC
	if !file {
		flags |= unix.O_DIRECTORY
	}
	fd, err := unix.Openat(int(dir.Fd()), name, flags, 0)
	missing := errors.Is(err, unix.ENOENT)
	if missing {
		if file {
			fd, err = unix.Openat(int(dir.Fd()), name, flags|unix.O_CREAT|unix.O_EXCL, 0o644)
		} else if err = unix.Mkdirat(int(dir.Fd()), name, 0o755); err == nil {
			fd, err = unix.Openat(int(dir.Fd()), name, flags, 0)
		}
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	entry := os.NewFile(uintptr(fd), name)
	s.handles = append(s.handles, entry)
	if missing {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return nil, &os.PathError{Op: "stat", Path: name, Err: err}
		}
		s.made = append(s.made, stub{parent: dir, name: name, id: inode{st.Dev, st.Ino}, dir: !file, keep: keep})
	}
	return entry, nil
}

// remove removes the stubs that are still as they were made; those to be kept only with all. A folder that the process has put something into
// stays, as does a file that it has written to or replaced. That does not show in the times of the folders around;
// that they were made does, as in BuildKit, where a folder of a layer has the time of its last step.
func (s *stubs) remove(all bool) {
	for _, m := range slices.Backward(s.made) {
		if all || !m.keep {
			m.remove()
		}
	}
	for _, h := range s.handles {
		h.Close()
	}
	*s = stubs{}
}

func (m stub) remove() {
	var before, st unix.Stat_t
	if unix.Fstat(int(m.parent.Fd()), &before) != nil {
		return
	}
	if unix.Fstatat(int(m.parent.Fd()), m.name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || (inode{st.Dev, st.Ino}) != m.id {
		return
	}
	switch {
	case m.dir:
		_ = unix.Unlinkat(int(m.parent.Fd()), m.name, unix.AT_REMOVEDIR) // only an empty one goes
	case st.Size == 0:
		_ = unix.Unlinkat(int(m.parent.Fd()), m.name, 0)
	}
	path := fmt.Sprintf("/proc/self/fd/%d", m.parent.Fd())
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{before.Atim, before.Mtim}, 0)
}
