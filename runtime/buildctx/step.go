package buildctx

import (
	"errors"

	"github.com/moby/patternmatcher"
	"golang.org/x/sys/unix"
)

// A step is an open folder. In a [Dest] it is two: what the new layer has of the folder, and what the layers below have.
type step struct {
	fd   int // none: the new layer does not have the folder yet
	low  int // none: what is below has nothing to show in it
	name string
	info patternmatcher.MatchInfo // of a source: what the ignore rules said

	hiding *inodes // of a Dest: the new layer's folders that hide what is below them
}

// none is no open folder.
const none = -1

func (s step) close() {
	for _, fd := range []int{s.fd, s.low} {
		if fd != none {
			unix.Close(fd)
		}
	}
}

// stat looks at an entry, and tells in which of the folders it is.
func (s step) stat(name string, st *unix.Stat_t) (dir int, err error) {
	if s.fd != none {
		err = unix.Fstatat(s.fd, name, st, unix.AT_SYMLINK_NOFOLLOW)
		if s.low == none || !errors.Is(err, unix.ENOENT) {
			return s.fd, err
		}
	}
	return s.low, unix.Fstatat(s.low, name, st, unix.AT_SYMLINK_NOFOLLOW)
}

// sub opens the folder of a name. Where both have it, they are merged.
func (s step) sub(name string) (step, error) {
	fd, err := openIfDir(s.fd, name)
	if err != nil {
		return step{}, err
	}
	sub := step{fd: fd, low: none, name: name, hiding: s.hiding}
	if s.low == none || fd != none && s.hiding.has(fd) {
		return sub, nil
	}
	if sub.low, err = openIfDir(s.low, name); err != nil {
		sub.close()
	}
	return sub, err
}

func (s step) exists() bool { return s.fd != none || s.low != none }

// openIfDir opens a folder, not for reading; none if there is none of that name.
func openIfDir(dir int, name string) (int, error) {
	if dir == none {
		return none, nil
	}
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	return fd, nil
}

// inodes is a set of folders, by what they are and not by their names.
type inodes map[inode]bool

func (s *inodes) has(fd int) bool {
	if s == nil || len(*s) == 0 {
		return false
	}
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && (*s)[inode{uint64(st.Dev), st.Ino}]
}
