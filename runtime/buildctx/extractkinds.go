package buildctx

import (
	"archive/tar"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

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
	if err = x.raiseFile(to, name); err == nil {
		err = unix.Linkat(to.fd, name, dir.fd, base, 0)
	}
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
	if err := owner.Set(fd, int(m.uid), int(m.gid)); err != nil {
		return writeError(dir, base, actChown, err)
	}
	return x.finishOwned(fd, dir, base, m, []byte(h.PAXRecords["SCHILY.xattr."+capabilityAttr]))
}

func noLinkTarget(h *tar.Header) error {
	return fmt.Errorf("the entry %q is a hard link to %q, which is not there", h.Name, h.Linkname)
}

// unknown refuses an entry of a kind that BuildKit does not unpack either.
func (x *extractor) unknown(h *tar.Header) error {
	hint := "COPY the archive and unpack it in a RUN"
	if h.Typeflag == tar.TypeGNUSparse {
		hint = "write sparse files in PAX format (tar --format=pax), or " + hint
	}
	return &Error{Path: h.Name, Err: fmt.Errorf("the archive's entry is of the unknown kind %q", h.Typeflag), hint: hint}
}
