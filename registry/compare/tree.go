package compare

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Tree is the files of an image by their paths, without a leading slash.
type Tree map[string]*Entry

// Entry is one entry of a tree.
type Entry struct {
	Type     byte // tar's: '0' file, '5' folder, '2' symlink …
	Mode     int64
	UID, GID int
	Size     int64 // bytes
	ModTime  int64 // seconds
	Link     string
	Device   [2]int64
	Caps     string // security.capability
	Sum      [sha256.Size]byte
}

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	capsPAX  = "SCHILY.xattr.security.capability"
)

// Layer puts a layer, as its uncompressed tar, over the tree.
func (t Tree) Layer(ctx context.Context, r io.Reader) error {
	var gone, opened []string
	layer := Tree{}
	for archive := tar.NewReader(r); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the layer: %w", err)
		}
		name := path.Clean("/" + h.Name)[1:]
		dir, base := path.Split(name)
		switch {
		case name == "":
		case base == opaque:
			opened = append(opened, path.Clean(dir))
		case strings.HasPrefix(base, whiteout):
			gone = append(gone, dir+strings.TrimPrefix(base, whiteout))
		default:
			e, err := entry(h, archive)
			if err != nil {
				return fmt.Errorf("read %s in the layer: %w", name, err)
			}
			layer[name] = e
		}
	}
	t.remove(gone, opened)
	t.add(layer)
	return nil
}

func entry(h *tar.Header, content io.Reader) (*Entry, error) {
	e := &Entry{
		Type: h.Typeflag, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, Size: h.Size, ModTime: h.ModTime.Unix(),
		Link: h.Linkname, Device: [2]int64{h.Devmajor, h.Devminor}, Caps: h.PAXRecords[capsPAX],
	}
	if e.Type != tar.TypeReg {
		return e, nil
	}
	sum := sha256.New()
	_, err := io.Copy(sum, content)
	sum.Sum(e.Sum[:0])
	return e, err
}

// remove takes away what a layer hides: entries with all below them, and what is in opaque folders.
func (t Tree) remove(gone, opened []string) {
	if len(gone)+len(opened) == 0 {
		return
	}
	hidden := map[string]bool{}
	for _, name := range gone {
		hidden[name] = true
	}
	emptied := map[string]bool{}
	for _, name := range opened {
		emptied[name] = true
	}
	for name := range t {
		if hidden[name] || emptied["."] {
			delete(t, name)
			continue
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if hidden[dir] || emptied[dir] {
				delete(t, name)
				break
			}
		}
	}
}

// add puts a layer's own entries into the tree; what is no folder takes the place of one with all in it.
func (t Tree) add(layer Tree) {
	var replaced []string
	for name, e := range layer {
		if e.Type == tar.TypeLink { // another name of a file: the same in all but the name
			target := path.Clean("/" + e.Link)[1:]
			first := layer[target]
			if first == nil {
				first = t[target]
			}
			if first != nil && first.Type == tar.TypeReg {
				e = first
			}
		}
		if old := t[name]; old != nil && old.Type == tar.TypeDir && e.Type != tar.TypeDir {
			replaced = append(replaced, name)
		}
		layer[name] = e
	}
	t.remove(replaced, nil)
	for name, e := range layer {
		t[name] = e
	}
}

// File is an entry that differs between two trees.
type File struct {
	Path   string   `json:"path"` // "/etc/passwd"; a folder's ends with a slash
	Kind   string   `json:"kind"` // "added", "changed", "deleted"
	Size   int64    `json:"size"` // in bytes; of one that is deleted, what it had
	Before int64    `json:"before,omitempty"`
	What   []string `json:"what,omitempty"` // of a changed one: "content", "mode 755 → 644", …
}

// Trees lists what makes after of before, in the order of the paths.
func Trees(before, after Tree) []File {
	var out []File
	for name, a := range after {
		b := before[name]
		switch {
		case b == nil:
			out = append(out, File{Path: shown(name, a), Kind: "added", Size: a.Size})
		case *a != *b:
			if what := differences(b, a); len(what) > 0 {
				out = append(out, File{Path: shown(name, a), Kind: "changed", Size: a.Size, Before: b.Size, What: what})
			}
		}
	}
	for name, b := range before {
		if after[name] == nil {
			out = append(out, File{Path: shown(name, b), Kind: "deleted", Size: b.Size})
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func shown(name string, e *Entry) string {
	if e.Type == tar.TypeDir {
		return "/" + name + "/"
	}
	return "/" + name
}

// differences says what of an entry has changed. The time of a folder is none: it changes with what is in it.
func differences(b, a *Entry) []string {
	if a.Type != b.Type {
		return []string{"type " + kind(b.Type) + " → " + kind(a.Type)}
	}
	var what []string
	note := func(differs bool, text string) {
		if differs {
			what = append(what, text)
		}
	}
	note(a.Sum != b.Sum, "content")
	note(a.Link != b.Link, "link to "+b.Link+" → "+a.Link)
	note(a.Device != b.Device, "device")
	note(a.Mode != b.Mode, "mode "+strconv.FormatInt(b.Mode, 8)+" → "+strconv.FormatInt(a.Mode, 8))
	note(a.UID != b.UID || a.GID != b.GID, fmt.Sprintf("owner %d:%d → %d:%d", b.UID, b.GID, a.UID, a.GID))
	note(a.Caps != b.Caps, "capabilities")
	note(a.ModTime != b.ModTime && a.Type != tar.TypeDir && a.Sum == b.Sum, "time")
	return what
}

func kind(t byte) string {
	switch t {
	case tar.TypeReg:
		return "file"
	case tar.TypeDir:
		return "folder"
	case tar.TypeSymlink:
		return "symlink"
	case tar.TypeLink:
		return "hard link"
	case tar.TypeFifo:
		return "fifo"
	}
	return "device"
}
