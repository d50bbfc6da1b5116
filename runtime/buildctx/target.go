package buildctx

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// A target is an open folder in the image that is written to. It is closed, after its own metadata has
// been set, when the last one who uses it is done: the files in it are copied by several workers.
type target struct {
	step
	path   string // in the image, without the first slash
	setgid bool   // hands its group down
	users  atomic.Int32

	src  int // the source's folder, or none
	from unix.Stat_t
	take metadata
}

// metadata is what a folder takes over from its source.
type metadata int

const (
	takeNothing metadata = iota
	takeTimes            // a destination: it is the caller's own
	takeMode             // was there, and comes along with what is below it only
	takeOwner            // the same, but made here: its time is that of what was made in it
	takeAll
)

// target opens the folder that a place has become.
func (c *copier) target(p *place) (*target, error) {
	if err := c.raise(p); err != nil {
		return nil, err
	}
	t := &target{path: p.path(), src: none, step: step{low: none, hiding: p.last().hiding}}
	var err error
	t.fd, err = openDir(p.dir(), ".")
	if err == nil && p.last().low != none {
		if t.low, err = openDir(p.last().low, "."); err != nil {
			unix.Close(t.fd)
		}
	}
	if err != nil {
		return nil, unwritable(t.path, "open the folder", err)
	}
	t.users.Store(1)
	return t, t.check()
}

// check looks whether what is made in the folder gets its group.
func (t *target) check() error {
	var st unix.Stat_t
	if err := unix.Fstat(t.fd, &st); err != nil {
		t.close()
		return unwritable(t.path, "look at the folder", err)
	}
	t.setgid = st.Mode&unix.S_ISGID != 0
	return nil
}

// enter makes or opens a folder below t for the source folder n, whose open folder is n.fd.
func (c *copier) enter(t *target, n *item, late bool) (*target, error) {
	sub := &target{path: join(t.path, n.name), src: none, from: n.stat, take: takeAll}
	var made bool
	var err error
	if sub.step, made, err = c.folderIn(t.step, n.name); err != nil {
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return nil, inTheWay(sub.path)
		}
		return nil, unwritable(sub.path, "make the folder", err)
	}
	switch {
	case late && made:
		sub.take = takeOwner
	case late:
		sub.take = takeMode
	}
	if !made || t.setgid {
		if err := sub.check(); err != nil {
			return nil, err
		}
	}
	if sub.src, err = unix.FcntlInt(uintptr(n.fd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		sub.close()
		return nil, unreadable(n.path, err)
	}
	sub.users.Store(1)
	return sub, nil
}

// release ends one use of t.
func (c *copier) release(t *target) error {
	if t.users.Add(-1) > 0 {
		return nil
	}
	defer t.close()
	if t.src != none {
		defer unix.Close(t.src)
	}
	if t.take == takeMode {
		return t.fail(actChmod, unix.Fchmod(t.fd, t.from.Mode&0o7777))
	}
	if t.take == takeAll || t.take == takeOwner {
		m := c.meta(&t.from)
		if err := owner.Set(t.fd, int(m.uid), int(m.gid)); err != nil {
			return t.fail(actChown, err)
		}
		if err := unix.Fchmod(t.fd, m.mode); err != nil {
			return t.fail(actChmod, err)
		}
	}
	if t.take == takeNothing || t.take == takeOwner {
		return nil
	}
	return t.fail(actTimes, c.meta(&t.from).setTimes(t.fd, "."))
}

func (t *target) fail(act string, err error) error {
	if err == nil {
		return nil
	}
	return unwritable(t.path, act, err)
}

// owner is who a copy of a source belongs to.
func (c *copier) owner(st *unix.Stat_t) (uid, gid uint32) {
	switch {
	case c.opts.Owner != nil:
		return uint32(c.opts.Owner.UID), uint32(c.opts.Owner.GID)
	case c.view != nil && c.view.stage:
		return st.Uid, st.Gid
	}
	return 0, 0
}

// meta is the metadata that something in the image is to have; mode is without the kind.
type meta struct {
	uid, gid, mode uint32
	atim, mtim     unix.Timespec
}

// meta is what a copy of a source gets.
func (c *copier) meta(st *unix.Stat_t) meta {
	m := meta{atim: st.Atim, mtim: st.Mtim}
	if c.opts.Time != nil {
		m.mtim = unix.NsecToTimespec(c.opts.Time.UnixNano())
		m.atim = m.mtim
	}
	m.uid, m.gid = c.owner(st)
	m.mode = c.mode.apply(st.Mode&0o7777, st.Mode&unix.S_IFMT == unix.S_IFDIR)
	return m
}

func (m meta) setTimes(dir int, name string) error {
	return unix.UtimesNanoAt(dir, name, []unix.Timespec{m.atim, m.mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// retry runs make, which fails if something of that name is in the layer, again after that has been removed.
func (c *copier) retry(t *target, name string, make func() error) error {
	var st unix.Stat_t
	if t.low != none && !c.covers {
		if at, err := t.stat(name, &st); err == nil && at == t.low && isDir(&st) {
			return folderInTheWay(t, name)
		}
	}
	err := make()
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := unix.Fstatat(t.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if isDir(&st) {
		return folderInTheWay(t, name)
	}
	if err := unix.Unlinkat(t.fd, name, 0); err != nil {
		return err
	}
	return make()
}

func isDir(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFDIR }

func folderInTheWay(t *target, name string) error {
	return &Error{
		Path: "/" + join(t.path, name), Err: fmt.Errorf("is a folder in the image, so no file can be copied there"),
		hint: "end the destination with a slash to copy into the folder",
	}
}
