package buildctx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// A view is a tree as one walk sees it, without what the rules leave out. An ignored folder is there if
// a "!" rule brings back something in it, and not otherwise. Views are not for use by two at once.
type view struct {
	*Tree
	f     *filter
	kinds bool // each finds out of regular files no more than that they are
}

func (t *Tree) view() *view { return &view{Tree: t, f: t.rules.filter()} }

// A node is an entry of a folder of a view.
type node struct {
	name string
	path string // from the tree's root
	stat unix.Stat_t
	info patternmatcher.MatchInfo // what the ignore rules said
}

func (n *node) kind() uint32 { return n.stat.Mode & unix.S_IFMT }
func (n *node) isDir() bool  { return n.kind() == unix.S_IFDIR }

// resolve follows path inside the view.
func (v *view) resolve(path string) (*place, error) {
	r := newResolver(step{fd: v.fd, low: none}, path)
	r.ctx = !v.stage
	if v.f != nil || len(v.own) > 0 {
		r.see = func(dir step, name string, st *unix.Stat_t) (bool, patternmatcher.MatchInfo, error) {
			if v.isOwn(st) {
				return false, dir.info, nil
			}
			path := join(r.path(), name)
			hidden, info, err := v.f.hides(path, dir.info)
			if err == nil && hidden {
				hidden, err = v.staysHidden(dir.fd, &node{name: name, path: path, stat: *st, info: info})
			}
			return !hidden, info, err
		}
	}
	return r.run()
}

// staysHidden tells of an ignored entry whether it is really left out: a folder is not, if anything
// below it is brought back.
func (v *view) staysHidden(dir int, n *node) (bool, error) {
	if !n.isDir() || !v.f.mayReturn(n.path) {
		return true, nil
	}
	fd, err := openDir(dir, n.name)
	if errors.Is(err, unix.EACCES) && !v.strict || errors.Is(err, unix.ENOENT) {
		return true, nil
	}
	if err != nil {
		return true, unreadable(n.path, err)
	}
	defer unix.Close(fd)
	err = v.each(fd, n.path, n.info, func(*node) error { return errFound })
	if errors.Is(err, errFound) {
		return false, nil
	}
	return true, err
}

var errFound = errors.New("found")

// each calls f for the entries of an open folder in the order of their names. What vanishes meanwhile
// is skipped.
func (v *view) each(fd int, path string, info patternmatcher.MatchInfo, f func(*node) error) error {
	entries, err := readEntries(fd)
	if err != nil {
		return unreadable(path, err)
	}
	for _, e := range entries {
		n := &node{name: e.name, path: join(path, e.name)}
		hidden, mi, err := v.f.hides(n.path, info)
		if err != nil {
			return err
		}
		if hidden && len(v.f.negated) == 0 {
			continue // need not even be looked at
		}
		n.info = mi
		if v.kinds && e.kind == unix.DT_REG && !v.mayBeOwn(e.ino) {
			n.stat.Mode = unix.S_IFREG
		} else if there, err := v.look(fd, n); err != nil || !there {
			if err != nil {
				return err
			}
			continue
		}
		if hidden {
			hidden, err = v.staysHidden(fd, n)
		}
		if err != nil {
			return err
		}
		if hidden {
			continue
		}
		if err := f(n); err != nil {
			return err
		}
	}
	return nil
}

// look finds out about an entry of an open folder. There is none if it has vanished, or is the builder's own.
func (v *view) look(fd int, n *node) (there bool, err error) {
	if err := unix.Fstatat(fd, n.name, &n.stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return false, nil
		}
		return false, unreadable(n.path, err)
	}
	if v.stage {
		owner.Lookup(fd, n.name, &n.stat)
	}
	return !v.isOwn(&n.stat), nil
}

// mayBeOwn tells of an entry by its inode alone whether it could be the builder's own.
func (v *view) mayBeOwn(ino uint64) bool {
	return slices.ContainsFunc(v.own, func(i inode) bool { return i.ino == ino })
}

// isOwn tells whether an entry is the builder's own folder.
func (v *view) isOwn(st *unix.Stat_t) bool {
	return slices.Contains(v.own, inode{uint64(st.Dev), st.Ino})
}

// A dirent is what a folder's listing tells of an entry.
type dirent struct {
	name string
	ino  uint64
	kind byte // DT_REG and the like; DT_UNKNOWN where the file system does not tell
}

// readEntries reads an open folder, sorted by names.
func readEntries(fd int) ([]dirent, error) {
	var all []dirent
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Getdents(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			slices.SortFunc(all, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
			return all, nil
		}
		for b := buf[:n]; len(b) > 0; {
			e, size := parseDirent(b)
			if e.name != "." && e.name != ".." {
				all = append(all, e)
			}
			b = b[size:]
		}
	}
}

// parseDirent reads a struct linux_dirent64 (getdents(2)): inode and offset of 8 bytes each, the record's size of two,
// the kind, and the name with a zero.
func parseDirent(b []byte) (e dirent, size int) {
	size = int(binary.NativeEndian.Uint16(b[16:]))
	name, _, _ := bytes.Cut(b[19:size], []byte{0})
	return dirent{string(name), binary.NativeEndian.Uint64(b), b[18]}, size
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
