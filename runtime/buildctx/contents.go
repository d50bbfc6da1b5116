package buildctx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"
)

// maxContents is how much is kept of what a digest is the digest of, in bytes: some 100,000 files.
const maxContents = 8 << 20

// keeper keeps what goes into a hash, if that is not too much.
type keeper struct {
	hash.Hash
	kept []byte
	full bool
}

func (k *keeper) Write(p []byte) (int, error) {
	if !k.full && len(k.kept)+len(p) > maxContents {
		k.kept, k.full = nil, true
	}
	if !k.full {
		k.kept = append(k.kept, p...)
	}
	return k.Hash.Write(p)
}

// Difference is a file in which two contents differ.
type Difference struct {
	Source int    // which of the matches it is in, from 0: for what was removed, of those before
	Path   string // below it, where that is a folder; else the file's name
	Alone  bool   // the match is the file itself
	What   string // "was added", "was removed", "has other content", "has mode 0755, had 0644"
}

// Differences tells in which files two contents (Tree.Contents) differ, in the order of the walk, those that were
// removed last. A file is the same one if COPY would put it into the same place. What it gives is true; where it gives
// nothing, the contents differ in something that is no file's.
func Differences(before, after []byte) ([]Difference, error) {
	old, oerr := readContents(before)
	now, nerr := readContents(after)
	if err := errors.Join(oerr, nerr); err != nil {
		return nil, err
	}
	type place struct {
		path string
		nth  int // of several sources that have it
	}
	was, count := map[place]*entry{}, map[string]int{}
	for i := range old {
		e := &old[i]
		was[place{e.path, count[e.path]}] = e
		count[e.path]++
	}
	clear(count)
	var out []Difference
	for i := range now {
		e := &now[i]
		at := place{e.path, count[e.path]}
		count[e.path]++
		o := was[at]
		delete(was, at)
		switch {
		case o == nil:
			out = append(out, e.differs("was added"))
		case !bytes.Equal(o.raw, e.raw):
			out = append(out, e.differs(e.change(o)))
		}
	}
	clear(count)
	for i := range old {
		e := &old[i]
		if _, gone := was[place{e.path, count[e.path]}]; gone {
			out = append(out, e.differs("was removed"))
		}
		count[e.path]++
	}
	return out, nil
}

// entry is a file of contents.
type entry struct {
	source   int
	path     string // below its match; the name of one that is the match itself
	alone    bool   // it is
	mode     uint32
	uid, gid uint64
	rest     []byte // what its kind has: content, the target of a link
	raw      []byte // all of it but the name
}

func (e *entry) differs(what string) Difference { return Difference{e.source, e.path, e.alone, what} }

// change says what makes an entry another one.
func (e *entry) change(o *entry) string {
	kind, before := e.mode&unix.S_IFMT, o.mode&unix.S_IFMT
	switch {
	case kind != before:
		return "is " + kinds[kind] + ", was " + kinds[before]
	case !bytes.Equal(e.rest, o.rest) && kind == unix.S_IFLNK:
		return "leads elsewhere"
	case !bytes.Equal(e.rest, o.rest):
		return "has other content"
	case e.mode != o.mode:
		return fmt.Sprintf("has mode %04o, had %04o", e.mode&0o7777, o.mode&0o7777)
	case e.uid != o.uid || e.gid != o.gid:
		return fmt.Sprintf("belongs to %d:%d, belonged to %d:%d", e.uid, e.gid, o.uid, o.gid)
	}
	return "has changed"
}

var kinds = map[uint32]string{
	unix.S_IFREG: "a file", unix.S_IFDIR: "a folder", unix.S_IFLNK: "a symbolic link", unix.S_IFIFO: "a FIFO",
	unix.S_IFSOCK: "a socket", unix.S_IFCHR: "a device", unix.S_IFBLK: "a device",
}

var errContents = fmt.Errorf("the record of what was copied is damaged: %w", fs.ErrInvalid)

// readContents reads what Digest writes.
func readContents(data []byte) ([]entry, error) {
	r := &contents{rest: data}
	switch {
	case bytes.HasPrefix(data, []byte(digestVersion)):
		r.rest = data[len(digestVersion):]
	case bytes.HasPrefix(data, []byte(stageDigestVersion)):
		r.rest, r.stage = data[len(stageDigestVersion):], true
	default:
		return nil, errContents
	}
	for len(r.rest) > 0 && r.err == nil {
		r.next()
	}
	if r.inside {
		r.fail()
	}
	return r.found, r.err
}

// contents is a reader of them.
type contents struct {
	rest  []byte
	stage bool
	err   error

	found   []entry
	sources int
	inside  bool     // a match that is a folder
	folders []string // on the way down in it
}

func (r *contents) next() {
	switch mark := r.byte(); {
	case mark == markFolder && !r.inside:
		r.inside = true
	case mark == markEnd && r.inside:
		if len(r.folders) == 0 {
			r.inside = false
			r.sources++
			return
		}
		r.folders = r.folders[:len(r.folders)-1]
	case mark == markEntry:
		r.entry()
	default:
		r.fail()
	}
}

func (r *contents) entry() {
	name := string(r.string())
	e := entry{source: r.sources, path: name, alone: !r.inside}
	if r.inside {
		e.path = path.Join(append(r.folders[:len(r.folders):len(r.folders)], name)...)
	}
	start := r.rest
	e.mode = uint32(r.number())
	if r.stage {
		e.uid, e.gid = r.number(), r.number()
	}
	from := r.rest
	switch e.mode & unix.S_IFMT {
	case unix.S_IFREG:
		r.regular()
	case unix.S_IFLNK:
		r.string()
	case unix.S_IFCHR, unix.S_IFBLK:
		r.number()
	}
	e.rest, e.raw = from[:len(from)-len(r.rest)], start[:len(start)-len(r.rest)]
	r.found = append(r.found, e)
	switch {
	case !r.inside:
		r.sources++
	case e.mode&unix.S_IFMT == unix.S_IFDIR:
		r.folders = append(r.folders, name)
	}
}

// regular reads what a file has: another name of it, or the sum of its content.
func (r *contents) regular() {
	if len(r.rest) > 0 && r.rest[0] == markLink {
		r.byte()
		r.string()
		return
	}
	if r.stage {
		r.string() // its capabilities
	}
	if r.byte() != markContent {
		r.fail()
	}
	r.take(32)
}

func (r *contents) fail() { r.err, r.rest = errContents, nil }

func (r *contents) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *contents) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *contents) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *contents) string() []byte { return r.take(r.number()) }
