package buildctx

import (
	"errors"
	"slices"

	"github.com/moby/patternmatcher"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// A view is a tree as one walk sees it, without what the rules leave out. An ignored folder is there if
// a "!" rule brings back something in it, and not otherwise. Views are not for use by two at once.
type view struct {
	*Tree
	f *filter
}

func (t *Tree) view() *view { return &view{t, t.rules.filter()} }

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
	r := newResolver(v.fd, path)
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
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOENT) {
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
	names, err := readNames(fd)
	if err != nil {
		return unreadable(path, err)
	}
	for _, name := range names {
		n := &node{name: name, path: join(path, name)}
		hidden, mi, err := v.f.hides(n.path, info)
		if err != nil {
			return err
		}
		if hidden && len(v.f.negated) == 0 {
			continue // need not even be looked at
		}
		n.info = mi
		if err := unix.Fstatat(fd, name, &n.stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			if errors.Is(err, unix.ENOENT) {
				continue
			}
			return unreadable(n.path, err)
		}
		if v.isOwn(&n.stat) {
			continue
		}
		if v.stage {
			owner.Lookup(fd, name, &n.stat)
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

// isOwn tells whether an entry is the builder's own folder.
func (v *view) isOwn(st *unix.Stat_t) bool {
	return slices.Contains(v.own, inode{uint64(st.Dev), st.Ino})
}

// readNames reads the names in an open folder, sorted.
func readNames(fd int) ([]string, error) {
	var names []string
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
			slices.Sort(names)
			return names, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
