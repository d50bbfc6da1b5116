package layer

import (
	"crypto/rand"
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
	if err := removeAt(int(parent.Fd()), filepath.Base(path)); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// removeAt is removeAll of an entry of an open folder.
func removeAt(parent int, name string) error {
	r := &remover{prefix: "." + rand.Text()}
	for {
		moved := r.moved
		if err := r.remove(parent, name, 0); r.moved == moved {
			return err
		}
	}
}

// A remover removes a folder. It keeps one file descriptor open for each level
// that it is below it, and moves what is deeper than maxDepth up into it, to
// be removed in another round.
type remover struct {
	top    int    // the folder
	prefix string // of the names that moved folders get
	moved  int    // how many
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
		return unix.Renameat(parent, name, r.top, r.prefix+strconv.Itoa(r.moved))
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
	if depth == 0 {
		r.top = fd
	}
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
