package layer

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// below is a folder as overlayfs shows it when it merges layers: the folders
// of one path in each layer that has a say, the topmost first. Without mounting
// anything it answers what a path is in the layers below.
type below []int // open folders; empty: there is no such folder

// openBelow opens the roots of layers, the topmost first.
func openBelow(layers []string) (below, error) {
	var b below
	for _, dir := range layers {
		fd, err := openat(unix.AT_FDCWD, dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			b.close()
			return nil, fmt.Errorf("open the layer %s: %w", dir, err)
		}
		b = append(b, fd)
	}
	return b, nil
}

func (b below) close() {
	for _, fd := range b {
		unix.Close(fd)
	}
}

// lower is an entry of a merged folder.
type lower struct {
	stat unix.Stat_t
	dir  int // the open folder that holds it
	name string
}

// lookup finds an entry; nil if there is none. For a folder it is the topmost
// of those that are merged, whose attributes are the ones that are seen.
func (b below) lookup(name string) (*lower, error) {
	for _, fd := range b {
		st, err := lstatat(fd, name)
		switch {
		case err == unix.ENOENT:
			continue
		case err != nil:
			return nil, err
		case isWhiteout(fd, name, &st):
			return nil, nil
		}
		owner.Lookup(fd, name, &st)
		return &lower{st, fd, name}, nil
	}
	return nil, nil
}

// enter opens the folder of a name; the result is empty if that is none.
func (b below) enter(name string) (below, error) {
	var sub below
	for _, dir := range b {
		fd, err := openat(dir, name, openFolder, 0)
		if err == unix.ENOENT {
			continue
		}
		if err == unix.ENOTDIR || err == unix.ELOOP {
			break // it hides what is below: a file, a link, a whiteout
		}
		if err == nil {
			sub = append(sub, fd)
			var opaque bool
			if opaque, err = isOpaque(fd); opaque {
				break
			}
		}
		if err != nil {
			sub.close()
			return nil, err
		}
	}
	return sub, nil
}

// names lists the folder's entries as they are seen.
func (b below) names() (map[string]bool, error) {
	there := map[string]bool{}
	gone := map[string]bool{}
	for _, fd := range b {
		names, err := namesIn(fd)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if there[name] || gone[name] {
				continue
			}
			st, err := lstatat(fd, name)
			if err != nil {
				return nil, err
			}
			if isWhiteout(fd, name, &st) {
				gone[name] = true
			} else {
				there[name] = true
			}
		}
	}
	return there, nil
}

// namesIn lists an open folder, which it leaves open.
func namesIn(fd int) ([]string, error) {
	again, err := openat(fd, ".", openFolder, 0) // an offset of its own
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(again), ".")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}
