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
	fd     int
	path   string // in the image, without the first slash, for messages
	setgid bool   // hands its group down
	users  atomic.Int32

	src  int // the source's folder, -1: none
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
	t := &target{path: p.path(), src: -1}
	var err error
	if t.fd, err = openDir(p.dir(), "."); err != nil {
		return nil, unwritable(t.path, "open the folder", err)
	}
	t.users.Store(1)
	return t, t.check()
}

// check looks whether what is made in the folder gets its group.
func (t *target) check() error {
	var st unix.Stat_t
	if err := unix.Fstat(t.fd, &st); err != nil {
		unix.Close(t.fd)
		return unwritable(t.path, "look at the folder", err)
	}
	t.setgid = st.Mode&unix.S_ISGID != 0
	return nil
}

// enter makes or opens a folder below t for the source folder n, whose open folder is n.fd.
func (c *copier) enter(t *target, n *item, late bool) (*target, error) {
	sub := &target{path: join(t.path, n.name), src: -1, from: n.stat, take: takeAll}
	err := unix.Mkdirat(t.fd, n.name, 0o700)
	made := err == nil
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, unwritable(sub.path, "make the folder", err)
	}
	if sub.fd, err = openDir(t.fd, n.name); err != nil {
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return nil, inTheWay(sub.path)
		}
		return nil, unwritable(sub.path, "open the folder", err)
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
		unix.Close(sub.fd)
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
	defer unix.Close(t.fd)
	if t.src >= 0 {
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

// retry runs make, which fails if something of that name exists, again after that has been removed.
func (c *copier) retry(t *target, name string, make func() error) error {
	err := make()
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(t.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return &Error{
			Path: "/" + join(t.path, name), Err: fmt.Errorf("is a folder in the image, so no file can be copied there"),
			hint: "end the destination with a slash to copy into the folder",
		}
	}
	if err := unix.Unlinkat(t.fd, name, 0); err != nil {
		return err
	}
	return make()
}
