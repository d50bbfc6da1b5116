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
	p, err := newResolver(x.into.fd, dir).run()
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
	implied := &copier{opts: CopyOptions{Owner: &Owner{}}}
	if err := implied.makeMissing(p); err != nil {
		return nil, "", err
	}
	t, err := x.target(p)
	if err != nil {
		return nil, "", err
	}
	t.path = join(x.into.path, p.path())
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
	} else if err := x.makeRoom(dir, base, h.Typeflag == tar.TypeDir); err != nil {
		return err
	}
	m := x.metaOf(h)
	var err error
	switch h.Typeflag {
	case tar.TypeReg:
		return x.file(dir, base, h, m, r)
	case tar.TypeDir:
		if err = unix.Mkdirat(dir.fd, base, 0o700); errors.Is(err, unix.EEXIST) {
			err = nil
		}
		x.dirs = append(x.dirs, datedDir{name, m})
	case tar.TypeSymlink:
		err = unix.Symlinkat(h.Linkname, dir.fd, base)
	case tar.TypeLink:
		return x.link(dir, base, h, m)
	case tar.TypeFifo:
		err = unix.Mknodat(dir.fd, base, unix.S_IFIFO|0o600, 0)
	case tar.TypeChar, tar.TypeBlock:
		if err = makeDevice(dir.fd, base, h); errors.Is(err, unix.EPERM) {
			x.note("/" + join(dir.path, base) + ": left out: a device cannot be made without real root")
			return nil
		}
	default:
		return x.unknown(h)
	}
	if err != nil {
		return writeError(dir, base, "make it", err)
	}
	return finishByName(dir, base, h.Typeflag == tar.TypeSymlink, m)
}

// unknown refuses an entry of a kind that BuildKit does not unpack either.
func (x *extractor) unknown(h *tar.Header) error {
	hint := "COPY the archive and unpack it in a RUN"
	if h.Typeflag == tar.TypeGNUSparse {
		hint = "write sparse files in PAX format (tar --format=pax), or " + hint
	}
	return &Error{Path: h.Name, Err: fmt.Errorf("the archive's entry is of the unknown kind %q", h.Typeflag), hint: hint}
}

// makeDevice makes a device node. One that overlayfs would take for a deletion is as impossible as one that the
// kernel refuses.
func makeDevice(dir int, name string, h *tar.Header) error {
	kind := uint32(unix.S_IFBLK)
	if h.Typeflag == tar.TypeChar {
		kind = unix.S_IFCHR
		if h.Devmajor == 0 && h.Devminor == 0 {
			return unix.EPERM
		}
	}
	return unix.Mknodat(dir, name, kind|0o600, int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))))
}

func (x *extractor) note(text string) {
	if x.opts.Note != nil {
		x.opts.Note(text)
	}
}

// makeRoom removes what is in an entry's way, with all that is in it.
func (x *extractor) makeRoom(dir *target, base string, folder bool) error {
	var st unix.Stat_t
	err := unix.Fstatat(dir.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil {
		if isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR; isDir && folder {
			return nil
		}
		err = removeAll(dir.fd, base)
	}
	if err != nil {
		return writeError(dir, base, "remove what is there", err)
	}
	return nil
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

// link makes a hard link to what the archive has unpacked, or to what the image has, below the root. The entry's
// metadata is the file's from then on, as in BuildKit; that of a symlink stays.
func (x *extractor) link(dir *target, base string, h *tar.Header, m meta) error {
	to, name, err := x.parent(strings.TrimPrefix(path.Clean("/"+h.Linkname), "/"), false)
	if err != nil {
		return err
	}
	if to == nil {
		return noLinkTarget(h)
	}
	defer x.release(to)
	err = unix.Linkat(to.fd, name, dir.fd, base, 0)
	if errors.Is(err, unix.ENOENT) {
		return noLinkTarget(h)
	}
	if err != nil {
		return writeError(dir, base, "make the hard link", err)
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dir.fd, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return writeError(dir, base, "look at the hard link", err)
	}
	return x.relabel(dir, base, &st, h, m)
}

// relabel gives a file that has got one more name the metadata of that name.
func (x *extractor) relabel(dir *target, base string, st *unix.Stat_t, h *tar.Header, m meta) error {
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		m.atim, m.mtim = st.Atim, st.Mtim
		return finishByName(dir, base, true, m)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return finishByName(dir, base, false, m)
	}
	fd, err := unix.Openat(dir.fd, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return writeError(dir, base, "open the hard link", err)
	}
	defer unix.Close(fd)
	// The change of owner takes capabilities away, in BuildKit too: only the link's own entry can give them again.
	if err := unix.Fchown(fd, int(m.uid), int(m.gid)); err != nil {
		return writeError(dir, base, actChown, err)
	}
	return x.finishOwned(fd, dir, base, m, []byte(h.PAXRecords["SCHILY.xattr."+capabilityAttr]))
}

func noLinkTarget(h *tar.Header) error {
	return fmt.Errorf("the entry %q is a hard link to %q, which is not there", h.Name, h.Linkname)
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
	names, err := readNames(fd)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := removeAll(fd, n); err != nil {
			return err
		}
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}
