package buildctx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// Copy copies matches of t to dest. As in BuildKit a trailing slash of dest makes it a folder, so the caller
// must keep it.
//
// Of several matches each is copied as if alone, in order: without a folder as dest the last one stays.
// A folder gives its content, not itself. What is in the way is replaced, except a folder by a file and
// anything else by a folder, which is an error; so is a full disk. What was copied until then stays.
func (d *Dest) Copy(ctx context.Context, t *Tree, m []Match, dest string, o CopyOptions) error {
	c, err := d.copier(t, dest, o)
	if err != nil {
		return err
	}
	for _, m := range m {
		if err := c.match(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// WriteFile writes data, the content of a heredoc called name, to dest, as Copy would copy a file of mode
// 0644 owned by 0:0.
func (d *Dest) WriteFile(dest, name string, data []byte, o CopyOptions) error {
	c, err := d.copier(nil, dest, o)
	if err != nil {
		return err
	}
	dir, name, err := c.fileTarget(path.Base(name))
	if err != nil {
		return err
	}
	now := unix.NsecToTimespec(time.Now().UnixNano())
	st := unix.Stat_t{Mode: unix.S_IFREG | 0o644, Atim: now, Mtim: now}
	err = c.data(dir, name, data, &st)
	return cmp.Or(err, c.release(dir))
}

func (c *copier) data(dir *target, name string, data []byte, st *unix.Stat_t) error {
	fd, err := c.create(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := writeAll(fd, data); err != nil {
		return writeError(dir, name, "write", err)
	}
	return c.finishFile(fd, dir, name, c.meta(st), nil)
}

// A copier carries out one Copy or WriteFile.
type copier struct {
	*Dest
	view *view // of the source; nil for WriteFile
	dest string
	opts CopyOptions
	mode *chmod

	uid, gid uint32 // that new files get by themselves
	noRange  atomic.Bool

	linking sync.Mutex
	links   map[inode]string // of a folder's files that have several names: where the first one went; nil: no folder
	covers  bool             // a file may take the place of a folder that is below
}

func (d *Dest) copier(t *Tree, dest string, o CopyOptions) (*copier, error) {
	mode, err := parseMode(o.Mode)
	if err != nil {
		return nil, err
	}
	c := &copier{Dest: d, dest: dest, opts: o, mode: mode}
	uid, gid := owner.OfNew()
	c.uid, c.gid = uint32(uid), uint32(gid)
	if t != nil {
		c.view = t.view()
	}
	return c, nil
}

func (c *copier) match(ctx context.Context, m Match) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := c.view.resolve(m.Path)
	if err != nil {
		return err
	}
	defer p.close()
	switch {
	case !p.exists():
		return c.view.lost(m, p)
	case p.isDir():
		return c.folder(ctx, m, p)
	}
	if c.opts.Unpack && p.stat.Mode&unix.S_IFMT == unix.S_IFREG {
		if done, err := c.unpack(ctx, p); done || err != nil {
			return err
		}
	}
	dir, name, err := c.fileTarget(path.Base(m.Path))
	if err != nil {
		return err
	}
	n := &node{name: p.file, path: p.path(), stat: p.stat}
	err = c.entry(p.dir(), n, dir, name, nil)
	return cmp.Or(err, c.release(dir))
}

// fileTarget finds the folder and the name for a source that is no folder: dest, or dest/base if dest
// is a folder.
func (c *copier) fileTarget(base string) (*target, string, error) {
	p, err := c.resolveDest()
	if err != nil {
		return nil, "", err
	}
	defer p.close()
	name := base
	switch n := len(p.missing); {
	case n > 0:
		name, p.missing = p.missing[n-1], p.missing[:n-1]
	case p.file != "":
		name, p.file = p.file, ""
	}
	if err := c.makeMissing(p); err != nil {
		return nil, "", err
	}
	t, err := c.target(p)
	return t, name, err
}

// folderTarget makes dest a folder, for a source that is one.
func (c *copier) folderTarget() (*target, error) {
	p, err := c.resolveDest()
	if err != nil {
		return nil, err
	}
	defer p.close()
	if p.file != "" {
		return nil, inTheWay(p.path())
	}
	if err := c.makeMissing(p); err != nil {
		return nil, err
	}
	return c.target(p)
}

// resolveDest follows dest inside the root and makes the folders that it names for sure: those before
// its last component, and that too if a slash ends it.
func (c *copier) resolveDest() (*place, error) {
	dest := path.Clean("/" + c.dest)
	sure := dest
	if last := path.Base(c.dest); !strings.HasSuffix(c.dest, "/") && last != "." {
		sure = path.Dir(dest)
	}
	p, err := newResolver(c.top, sure).run()
	if err != nil {
		return nil, destError(err, c.dest)
	}
	if p.file != "" {
		defer p.close()
		return nil, inTheWay(p.path())
	}
	if err := c.makeMissing(p); err != nil || sure == dest {
		if err != nil {
			p.close()
		}
		return p, err
	}
	p.close()
	p, err = newResolver(c.top, dest).run()
	return p, destError(err, c.dest)
}

func destError(err error, dest string) error {
	if err == nil {
		return nil
	}
	e := &Error{Path: dest, Err: err}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		e.hint = "something on the way to the destination is no folder in the image"
	}
	return e
}

// makeMissing makes the folders of a place that are missing: mode 0755 or the octal --chmod, the owner
// of --chown, else what the folder above hands down by its setgid bit.
func (c *copier) makeMissing(p *place) error {
	perm := uint32(0o755)
	if c.mode != nil && c.mode.octal {
		perm = c.mode.mode & 0o777
	}
	if err := c.raise(p); err != nil {
		return err
	}
	missing := p.missing
	p.missing = nil
	for _, name := range missing {
		fd, err := c.makeFolder(p.dir(), name, perm)
		if err != nil {
			act := "make the folder"
			if notMapped(actChown, err) { // nothing else that makes a folder answers so
				act = actChown
			}
			return unwritable(join(p.path(), name), act, err)
		}
		p.chain = append(p.chain, step{fd: fd, low: none, name: name})
	}
	return nil
}

func (c *copier) makeFolder(dir int, name string, perm uint32) (int, error) {
	if err := unix.Mkdirat(dir, name, perm); err != nil {
		return -1, err
	}
	fd, err := openDir(dir, name)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && st.Mode&0o777 != perm {
		err = unix.Fchmod(fd, perm|st.Mode&unix.S_ISGID) // the umask took something away
	}
	if o := c.opts.Owner; err == nil && o != nil {
		err = owner.Set(fd, o.UID, o.GID)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func inTheWay(p string) error {
	return &Error{
		Path: "/" + p, Err: fmt.Errorf("is not a folder in the image, so no folder can be copied there"),
		hint: "remove it first in a RUN, or use COPY --link, which replaces it",
	}
}
