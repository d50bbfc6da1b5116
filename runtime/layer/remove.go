package layer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// removeAll removes a folder with all that is in it, whatever the owners and
// modes, and however deep. It follows no links and refuses to enter a mount:
// through a mount that was left behind it would destroy other layers.
func removeAll(path string) error {
	parent, err := os.Open(filepath.Dir(path))
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	r := &remover{top: int(parent.Fd()), prefix: filepath.Base(path) + ".deep-"}
	err = r.remove(r.top, filepath.Base(path), 0)
	for i := 0; err == nil && i < r.moved; i++ {
		err = r.remove(r.top, r.prefix+strconv.Itoa(i), 0)
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// A remover removes below an open folder. It keeps one file descriptor open
// for each level, and moves what is deeper than maxDepth up to the top.
type remover struct {
	top    int
	prefix string // of the names that moved folders get
	moved  int
}

const maxDepth = 200

// remove removes one entry. What is not there is no error.
func (r *remover) remove(parent int, name string, depth int) error {
	err := ignoringEINTR(func() error { return unix.Unlinkat(parent, name, 0) })
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR {
		return err
	}
	err = unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.ENOTEMPTY && err != unix.EEXIST {
		return err
	}
	if depth > maxDepth {
		r.moved++
		return unix.Renameat(parent, name, r.top, r.prefix+strconv.Itoa(r.moved-1))
	}
	if err := r.empty(parent, name, depth); err != nil {
		return err
	}
	return unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
}

// empty removes what is in a folder.
func (r *remover) empty(parent int, name string, depth int) error {
	fd, err := openat2(parent, name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS,
	})
	if err == unix.EXDEV {
		return fmt.Errorf("%s: something is still mounted there", name)
	}
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), name)
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1024)
		for _, n := range names {
			if err := r.remove(fd, n, depth+1); err != nil {
				return err
			}
		}
		if len(names) == 0 {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

func openat2(dir int, name string, how *unix.OpenHow) (fd int, err error) {
	err = ignoringEINTR(func() error {
		fd, err = unix.Openat2(dir, name, how)
		return err
	})
	return fd, err
}

// ignoringEINTR calls f again for as long as a signal interrupts it.
func ignoringEINTR(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}
