package layer

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Change is one entry of a layer as it changes the layers below it.
type Change struct {
	Path   string // "/etc/passwd"; a folder's ends with a slash
	Kind   Kind
	Size   int64    // of a regular file, in bytes
	Before int64    // … as it was below
	What   []string // of a changed entry: "content", "mode", "owner", "time", "type", "capabilities"
}

// Kind is how an entry changes.
type Kind string

const (
	Added   Kind = "added"
	Changed Kind = "changed"
	Deleted Kind = "deleted"
)

// Changes lists what [Write] would write, in its order, compared with the layers below. A folder that comes along
// only because something in it has changed is left out. A folder that is deleted stands for all that was in it.
func Changes(ctx context.Context, upper string, lowers []string) ([]Change, error) {
	under, err := openBelow(lowers)
	if err != nil {
		return nil, err
	}
	defer under.close()
	r, w := io.Pipe()
	go func() { w.CloseWithError(Write(ctx, w, upper, lowers, WriteOptions{})) }()
	defer r.Close()
	var all []Change
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		c, err := change(h, under)
		if err != nil {
			return nil, err
		}
		if c.Kind != Changed || len(c.What) > 0 {
			all = append(all, c)
		}
	}
}

// change compares a tar's entry with what is below.
func change(h *tar.Header, under below) (Change, error) {
	name := cleanName(h.Name)
	base, gone := strings.CutPrefix(path.Base(name), whiteoutPrefix)
	if gone {
		name = path.Join(path.Dir(name), base)
	}
	c := Change{Path: "/" + name, Kind: Added, Size: h.Size}
	low, done, err := under.at(name)
	if err != nil {
		return c, err
	}
	defer done.close()
	if h.Typeflag == tar.TypeDir || gone && low != nil && isDir(&low.stat) {
		c.Path += "/"
	}
	if low != nil && isRegular(&low.stat) {
		c.Before = low.stat.Size
	}
	switch {
	case gone:
		c.Kind = Deleted
	case low != nil:
		c.Kind = Changed
		c.What = differences(h, low)
	}
	return c, nil
}

// differences says in what a changed entry differs from the one below. A file whose time alone is new has been
// written again, so its content counts as changed.
func differences(h *tar.Header, low *lower) []string {
	var what []string
	st := &low.stat
	if kindOf(h) != st.Mode&unix.S_IFMT {
		return []string{"type"}
	}
	newer := h.ModTime.Unix() != st.Mtim.Sec
	if h.Typeflag != tar.TypeDir && (h.Size != st.Size && isRegular(st) || newer && !isDir(st)) {
		what = append(what, "content")
	}
	if uint32(h.Mode)&0o7777 != st.Mode&0o7777 && h.Typeflag != tar.TypeSymlink {
		what = append(what, "mode")
	}
	if h.Uid != int(st.Uid) || h.Gid != int(st.Gid) {
		what = append(what, "owner")
	}
	if isRegular(st) {
		if before, err := capability(low.dir, low.name); err == nil && string(before) != h.PAXRecords[paxXattr+xattrCapability] {
			what = append(what, "capabilities")
		}
	}
	if len(what) == 0 && h.Typeflag != tar.TypeDir {
		what = append(what, "content") // within one second
	}
	return what
}

// kindOf is the type of an entry as stat(2) has it. A hard link is to a regular file, nearly always.
func kindOf(h *tar.Header) uint32 {
	switch h.Typeflag {
	case tar.TypeDir:
		return unix.S_IFDIR
	case tar.TypeSymlink:
		return unix.S_IFLNK
	case tar.TypeFifo:
		return unix.S_IFIFO
	case tar.TypeChar:
		return unix.S_IFCHR
	case tar.TypeBlock:
		return unix.S_IFBLK
	}
	return unix.S_IFREG
}

// at finds the entry at a path; its folder is open until the returned one is closed.
func (b below) at(name string) (*lower, below, error) {
	dir, base := path.Split(name)
	in := b
	var opened below
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if part == "" {
			continue
		}
		sub, err := in.enter(part)
		opened.close()
		if err != nil {
			return nil, nil, err
		}
		in, opened = sub, sub
	}
	low, err := in.lookup(base)
	if err != nil {
		opened.close()
		return nil, nil, err
	}
	return low, opened, nil
}
