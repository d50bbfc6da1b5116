package buildctx

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An extractor unpacks an archive into a folder as if it were the root: neither a name with "..", nor a
// symlink, its own or the image's, leads out of it.
//
// Owners, modes and times are the archive's unless --chown is given; --chmod does not count, as in
// BuildKit. Device nodes that the kernel does not let a build make are left out with a note.
type extractor struct {
	*copier
	into *target // the folder that is the archive's root
	dirs []datedDir
	buf  []byte
}

// datedDir is a folder whose time is set at the end, when nothing is made in it any more.
type datedDir struct {
	path string
	meta meta
}

func (x *extractor) all(ctx context.Context, tr *tar.Reader, h *tar.Header) error {
	x.buf = make([]byte, bufferSize)
	var err error
	for ; err == nil; h, err = tr.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := x.one(h, tr); err != nil {
			return err
		}
	}
	if err != io.EOF {
		return err
	}
	for _, d := range x.dirs {
		if err := x.date(d); err != nil {
			return err
		}
	}
	return nil
}

// date sets the time of a folder that was unpacked, if it is still there.
func (x *extractor) date(d datedDir) error {
	dir, name, err := x.parent(d.path, false)
	if err != nil || dir == nil {
		return err
	}
	err = d.meta.setTimes(dir.fd, name)
	if errors.Is(err, unix.ENOENT) {
		err = nil
	}
	return cmp.Or(dir.fail(actTimes, err), x.release(dir))
}

// parent opens the folder that an entry stands in. Folders that the archive does not name are made,
// with mode 0755 and owner 0:0.
func (x *extractor) parent(name string, create bool) (*target, string, error) {
	dir, base := path.Split(name)
	if base == "" {
		dir, base = "", "."
	}
	p, err := newResolver(x.into.step, dir).run()
	if err != nil {
		return nil, "", &Error{Path: "/" + join(x.into.path, name), Err: err}
	}
	defer p.close()
	if p.file != "" {
		return nil, "", inTheWay(join(x.into.path, p.path()))
	}
	if !p.exists() && !create {
		return nil, "", nil
	}
	if missing := strings.Join(p.missing, "/"); missing != "" && !strings.HasSuffix("/"+path.Clean(dir), "/"+missing) {
		return nil, "", &Error{
			Path: "/" + join(x.into.path, name), Err: errors.New("a symlink on its way in the archive or the image leads to nothing"),
			hint: "an archive's names are looked up below the destination, absolute symlinks too",
		}
	}
	implied := &copier{Dest: x.Dest, opts: CopyOptions{Owner: &Owner{}}}
	if err := implied.makeMissing(p); err != nil {
		return nil, "", err
	}
	t, err := x.target(p)
	if err != nil {
		return nil, "", err
	}
	t.path = path.Join(x.into.path, p.path())
	return t, base, nil
}

func (x *extractor) one(h *tar.Header, r io.Reader) error {
	name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
	dir, base, err := x.parent(name, true)
	if err != nil {
		return err
	}
	return cmp.Or(x.make(dir, base, name, h, r), x.release(dir))
}

// make makes one entry in place of what is there, unless both are folders.
func (x *extractor) make(dir *target, base, name string, h *tar.Header, r io.Reader) error {
	if base == "." {
		if path.Clean(h.Name) == "." {
			return nil // BuildKit leaves the destination as it is
		}
		if h.Typeflag != tar.TypeDir {
			return fmt.Errorf("the entry %q would replace the destination itself", h.Name)
		}
	}
	var cleared bool
	var err error
	if base != "." {
		if cleared, err = x.makeRoom(dir, base, h.Typeflag == tar.TypeDir); err != nil {
			return err
		}
	}
	m := x.metaOf(h)
	switch h.Typeflag {
	case tar.TypeReg:
		return x.file(dir, base, h, m, r)
	case tar.TypeDir:
		err = x.makeDir(dir, base, cleared)
		x.dirs = append(x.dirs, datedDir{name, m})
	case tar.TypeSymlink:
		err = unix.Symlinkat(h.Linkname, dir.fd, base)
	case tar.TypeLink:
		return x.link(dir, base, h, m)
	case tar.TypeFifo:
		err = unix.Mknodat(dir.fd, base, unix.S_IFIFO|0o600, 0)
	case tar.TypeChar, tar.TypeBlock:
		// The kernel makes none in a user namespace. In a chroot, as root, it would, and a RUN could open the host's disk.
		x.note("/" + join(dir.path, base) + ": left out: a build makes no devices")
		return nil
	default:
		return x.unknown(h)
	}
	if err != nil {
		return writeError(dir, base, "make it", err)
	}
	return finishByName(dir, base, h.Typeflag == tar.TypeSymlink, m)
}

func (x *extractor) note(text string) {
	if x.opts.Note != nil {
		x.opts.Note(text)
	}
}

// makeRoom removes what is in an entry's way, with all that is in it, and says whether anything was.
func (x *extractor) makeRoom(dir *target, base string, folder bool) (cleared bool, err error) {
	var st unix.Stat_t
	at, err := dir.stat(base, &st)
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err == nil && isDir(&st) && folder:
		return false, nil
	case err == nil && at == dir.fd:
		err = removeAll(dir.fd, base)
	}
	if err != nil {
		return false, writeError(dir, base, "remove what is there", err)
	}
	return true, nil
}

// makeDir makes a folder, if it is not there; cleared says that something else was.
func (x *extractor) makeDir(dir *target, base string, cleared bool) error {
	switch {
	case base == ".":
		return nil
	case cleared:
		return x.coverIn(dir.step, base)
	}
	sub, _, err := x.folderIn(dir.step, base)
	sub.close()
	return err
}

func (x *extractor) file(dir *target, base string, h *tar.Header, m meta, r io.Reader) error {
	fd, err := x.create(dir, base)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for {
		n, err := r.Read(x.buf)
		if werr := writeAll(fd, x.buf[:n]); werr != nil {
			return writeError(dir, base, "write", werr)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	return x.finishFile(fd, dir, base, m, []byte(h.PAXRecords["SCHILY.xattr."+capabilityAttr]))
}

func (x *extractor) metaOf(h *tar.Header) meta {
	m := meta{uid: uint32(h.Uid), gid: uint32(h.Gid), mode: uint32(h.Mode) & 0o7777}
	if o := x.opts.Owner; o != nil {
		m.uid, m.gid = uint32(o.UID), uint32(o.GID)
	}
	m.mtim, m.atim = timespec(h.ModTime), timespec(h.ModTime)
	if h.AccessTime.After(h.ModTime) {
		m.atim = timespec(h.AccessTime)
	}
	return m
}

// timespec bounds a time to what file systems hold.
func timespec(t time.Time) unix.Timespec {
	if t.Unix() < 0 || t.Unix() > 1<<33 {
		return unix.Timespec{}
	}
	return unix.NsecToTimespec(t.UnixNano())
}

// removeAll removes name from an open folder, with all that is in it, and follows no symlink.
func removeAll(dir int, name string) error {
	err := unix.Unlinkat(dir, name, 0)
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return err
	}
	fd, err := openDir(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	entries, err := readEntries(fd)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := removeAll(fd, e.name); err != nil {
			return err
		}
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}
