package archive

import (
	"archive/tar"
	"os"
	"slices"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// links puts off the symbolic links of an archive that may lead out of the folder: an empty
// file holds the place of each until everything else is unpacked, so that no later member can
// be written through it. Links that stay below where they are can be made at once. (GNU tar
// does the same.)
type links struct {
	pending map[string]pendingLink
	order   []string
}

type pendingLink struct {
	header *tar.Header
	holder os.FileInfo
}

func (l *links) add(u *unpacker, file string, h *tar.Header) error {
	if !strings.HasPrefix(h.Linkname, "/") && !slices.Contains(strings.Split(h.Linkname, "/"), "..") {
		if err := os.Symlink(h.Linkname, file); err != nil {
			return err
		}
		return u.attributes(file, symlink(h))
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	f.Close()
	if l.pending == nil {
		l.pending = map[string]pendingLink{}
	}
	l.pending[file] = pendingLink{h, info}
	l.order = append(l.order, file)
	return err
}

// symlink is a header as one of a symbolic link: a hard link to one becomes one as well.
func symlink(h *tar.Header) *tar.Header {
	copied := *h
	copied.Typeflag = tar.TypeSymlink
	return &copied
}

// forget drops a link whose place another member takes.
func (l *links) forget(file string) { delete(l.pending, file) }

func (l *links) finish(u *unpacker) {
	for _, file := range l.order {
		p, ok := l.pending[file]
		if !ok {
			continue
		}
		delete(l.pending, file)
		if info, err := os.Lstat(file); err != nil || !os.SameFile(info, p.holder) {
			continue
		}
		err := os.Remove(file)
		if err == nil {
			err = os.Symlink(p.header.Linkname, file)
		}
		if err == nil {
			err = u.attributes(file, symlink(p.header))
		}
		if err != nil {
			u.c.Warn(applet.At(p.header.Name, err))
		}
	}
}
