package buildctx

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A Dest is the root of a stage that is copied into: a new layer's folder, and a view of what is below it that does not
// change meanwhile. Neither is an overlay that is written to, which would make every file cost a third more: what
// overlayfs does on the way to a file is done here, once a folder.
//
//   - A folder that is below comes into the layer, as it is, when something is made in it ("raised").
//   - What is in the way below need not be removed: what is made in its place hides it.
//   - Only a folder that takes the place of a file which had taken that of a folder says that it hides what is below.
//
// It may not be used by two at once.
type Dest struct {
	top  step
	hide inodes
}

// OpenDest opens a layer's folder to be copied into. The files below it are mounted, for reading, at below, or there are
// none, or they do not count: "". Then the folder may be any other one.
func OpenDest(layer, below string) (*Dest, error) {
	d := &Dest{top: step{low: none}, hide: inodes{}}
	d.top.hiding = &d.hide
	var err error
	if d.top.fd, err = unix.Open(layer, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("open the folder %s: %w", layer, err)
	}
	if below == "" {
		return d, nil
	}
	if d.top.low, err = unix.Open(below, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		unix.Close(d.top.fd)
		return nil, fmt.Errorf("open the stage's root %s: %w", below, err)
	}
	return d, nil
}

// Copy is [Dest.Copy] into a folder by itself.
func Copy(ctx context.Context, t *Tree, m []Match, dir, dest string, o CopyOptions) error {
	d, err := OpenDest(dir, "")
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Copy(ctx, t, m, dest, o)
}

// Close ends the use of the folders; what was copied stays.
func (d *Dest) Close() { d.top.close() }

// raise brings the folders of a place into the layer.
func (d *Dest) raise(p *place) error {
	for i, s := range p.chain {
		if s.fd != none {
			continue
		}
		fd, err := d.raiseFolder(p.chain[i-1].fd, s)
		if err != nil {
			return unwritable((&place{chain: p.chain[:i+1]}).path(), "bring the folder into the new layer", err)
		}
		p.chain[i].fd = fd
	}
	return nil
}

// raiseFolder makes a folder that is below in the layer's folder dir. The time of that stays.
func (d *Dest) raiseFolder(dir int, s step) (fd int, err error) {
	var above, st unix.Stat_t
	if err := unix.Fstat(dir, &above); err != nil {
		return none, err
	}
	if err := unix.Mkdirat(dir, s.name, 0o700); err != nil {
		return none, err
	}
	if fd, err = openDir(dir, s.name); err != nil {
		return none, err
	}
	from, err := openDir(s.low, ".")
	if err == nil {
		defer unix.Close(from)
		err = unix.Fstat(from, &st)
	}
	if err == nil && (int(st.Uid) != unix.Geteuid() || int(st.Gid) != unix.Getegid() || above.Mode&unix.S_ISGID != 0) {
		err = unix.Fchown(fd, int(st.Uid), int(st.Gid))
	}
	if err == nil {
		err = unix.Fchmod(fd, st.Mode&0o7777)
	}
	if err == nil {
		err = raiseXattrs(fd, from)
	}
	if err == nil {
		err = meta{atim: st.Atim, mtim: st.Mtim}.setTimes(fd, ".")
	}
	if err == nil {
		err = meta{atim: above.Atim, mtim: above.Mtim}.setTimes(dir, ".") // as in overlayfs
	}
	if err != nil {
		unix.Close(fd)
		return none, err
	}
	return fd, nil
}

// raiseXattrs copies a folder's extended attributes, but for overlayfs's own. What a security module gives, it gives to
// the new folder as well, and may not let others give.
func raiseXattrs(to, from int) error {
	var list, value [64 << 10]byte // the most that the kernel gives
	n, err := unix.Flistxattr(from, list[:])
	if err == unix.ENOTSUP {
		return nil
	}
	if err != nil {
		return err
	}
	for key := range strings.SplitSeq(string(list[:n]), "\x00") {
		if key == "" || strings.HasPrefix(key, "user.overlay.") || strings.HasPrefix(key, "trusted.") {
			continue
		}
		n, err := unix.Fgetxattr(from, key, value[:])
		if err == nil {
			err = unix.Fsetxattr(to, key, value[:n], 0)
		}
		if err != nil && !strings.HasPrefix(key, "security.") {
			return fmt.Errorf("copy the attribute %s: %w", key, err)
		}
	}
	return nil
}

// raiseFile brings what is no folder into the layer, if it is not there yet.
func (d *Dest) raiseFile(t *target, name string) error {
	var st unix.Stat_t
	at, err := t.stat(name, &st)
	if err != nil || at == t.fd {
		return err
	}
	asIs, err := d.copier(&Tree{fd: t.low, stage: true}, "", CopyOptions{})
	if err != nil {
		return err
	}
	return asIs.entry(t.low, &node{name: name, path: join(t.path, name), stat: st}, t, name, nil)
}

// folderIn makes or opens, for reading, the folder of a name in one that is in the layer, and says whether it is new to
// the stage. What is there and is no folder gives ENOTDIR.
func (d *Dest) folderIn(in step, name string) (sub step, made bool, err error) {
	if in.low != none {
		if sub, err = d.merged(in, name); err != nil || sub.fd != none {
			return sub, false, err
		}
	}
	err = unix.Mkdirat(in.fd, name, 0o700)
	made = err == nil
	if made || errors.Is(err, unix.EEXIST) {
		sub = step{low: none, name: name, hiding: in.hiding}
		sub.fd, err = openDir(in.fd, name)
	}
	return sub, made, err
}

// merged opens what may be a merged folder, after it was brought into the layer; its fd is none if nothing is there.
func (d *Dest) merged(in step, name string) (step, error) {
	nothing := step{fd: none, low: none}
	var st unix.Stat_t
	switch at, err := in.stat(name, &st); {
	case errors.Is(err, unix.ENOENT):
		return nothing, nil
	case err != nil:
		return nothing, err
	case !isDir(&st):
		return nothing, unix.ENOTDIR
	case at == in.low:
		sub := step{fd: none, low: none, name: name, hiding: in.hiding}
		if sub.low, err = openDir(in.low, name); err != nil {
			return nothing, err
		}
		if sub.fd, err = d.raiseFolder(in.fd, sub); err != nil {
			sub.close()
		}
		return sub, err
	}
	sub, err := in.sub(name)
	if err != nil {
		return nothing, err
	}
	path := sub.fd
	sub.fd, err = openDir(path, ".")
	unix.Close(path)
	return sub, err
}

// coverIn makes a folder in the place of what was removed, or is hidden from now on.
func (d *Dest) coverIn(in step, name string) error {
	if err := unix.Mkdirat(in.fd, name, 0o700); err != nil || in.low == none {
		return err
	}
	low, err := openIfDir(in.low, name)
	if err != nil || low == none {
		return err
	}
	unix.Close(low)
	fd, err := openDir(in.fd, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	d.hide[inode{uint64(st.Dev), st.Ino}] = true
	return unix.Fsetxattr(fd, "user.overlay.opaque", []byte("y"), 0)
}
