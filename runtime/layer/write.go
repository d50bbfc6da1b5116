package layer

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// WriteOptions change what [Write] writes.
type WriteOptions struct {
	// Epoch, if not nil, is the latest modification time that an entry may
	// have; later ones become it (SOURCE_DATE_EPOCH with rewrite-timestamp).
	Epoch *time.Time
	// Same makes it the time of all entries.
	Same bool
}

// Write writes the tar of a layer's folder, upper, as it changes the layers
// below it, lowers, the topmost first. Nobody may change any of them meanwhile.
//
// It is the tar that BuildKit makes of the same change:
//   - entries in order of their names, folders before what is in them; in PAX
//     format, with modification times in whole seconds and no names of users;
//   - entries that are as they are below (copied up and left alone, or changed
//     and changed back) are left out; so are sockets;
//   - the folders that a changed entry stands in come with it, but for the root;
//   - whiteouts for what is deleted, and for everything that an opaque folder
//     hides and does not hold itself;
//   - of the extended attributes only security.capability, as it reads in the
//     current user namespace;
//   - files that are hard-linked in upper stay so.
//
// An entry that cannot be held in a layer gives an *EntryError.
func Write(ctx context.Context, w io.Writer, upper string, lowers []string, o WriteOptions) error {
	fd, err := openat(unix.AT_FDCWD, upper, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the layer %s: %w", upper, err)
	}
	defer unix.Close(fd)
	under, err := openBelow(lowers)
	if err != nil {
		return err
	}
	defer under.close()
	buffered := bufio.NewWriterSize(sink{w}, bufferSize)
	d := &differ{
		out: tar.NewWriter(buffered), epoch: o.Epoch, uniform: o.Same,
		links: map[inode]string{}, buf: make([]byte, bufferSize),
	}
	if err := d.folder(ctx, &changed{fd: fd, written: true}, under); err != nil {
		return err
	}
	if err := d.out.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

// differ is one Write.
type differ struct {
	out     *tar.Writer
	epoch   *time.Time
	uniform bool             // all have it
	links   map[inode]string // the first name of each file that has several
	buf     []byte
}

type inode struct{ dev, ino uint64 }

// changed is a folder of upper that is being walked.
type changed struct {
	fd      int
	path    string // "" for the root
	stat    unix.Stat_t
	parent  *changed // nil for the root
	opaque  bool     // hides what is below it: by its mark, or because the folder that it stands in does
	written bool     // its own entry is in the tar; the root never is
}

// folder writes what has changed in a folder.
func (d *differ) folder(ctx context.Context, in *changed, under below) error {
	names, err := namesIn(in.fd)
	if err != nil {
		return writeError(in.path, err)
	}
	own := len(names)
	hidden, err := hiddenIn(in, under, names)
	if err != nil {
		return writeError(in.path, err)
	}
	names = append(names, hidden...)
	gone := make(map[string]bool, len(names)-own)
	for _, name := range hidden {
		gone[name] = true
	}
	slices.Sort(names)
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if gone[name] {
			err = d.whiteout(in, name)
		} else {
			err = d.entry(ctx, in, name, under)
		}
		if err != nil {
			return writeError(path.Join(in.path, name), err)
		}
	}
	return nil
}

// hiddenIn are the names that an opaque folder hides and does not hold. Overlayfs marks only the topmost of the opaque
// folders that stand in each other.
func hiddenIn(in *changed, under below, own []string) ([]string, error) {
	if in.parent == nil || len(under) == 0 {
		return nil, nil
	}
	if in.opaque = in.parent.opaque; !in.opaque {
		var err error
		if in.opaque, err = isOpaque(in.fd); err != nil || !in.opaque {
			return nil, err
		}
	}
	there, err := under.names()
	if err != nil {
		return nil, err
	}
	for _, name := range own {
		delete(there, name)
	}
	var hidden []string
	for name := range there {
		hidden = append(hidden, name)
	}
	return hidden, nil
}

// entry writes one entry, if it has changed, and what is in it.
func (d *differ) entry(ctx context.Context, in *changed, name string, under below) error {
	st, err := lstatat(in.fd, name)
	if err != nil {
		return err
	}
	low, err := under.lookup(name)
	if err != nil {
		return err
	}
	switch {
	case isWhiteout(in.fd, name, &st): // before anything about hard links: overlayfs links whiteouts to each other
		if low == nil {
			return nil
		}
		return d.whiteout(in, name)
	case st.Mode&unix.S_IFMT == unix.S_IFSOCK:
		return nil
	case strings.HasPrefix(name, whiteoutPrefix):
		return &EntryError{
			Op: "write", Name: path.Join(in.path, name),
			Err:    fmt.Errorf("an image cannot hold names that begin with %s", whiteoutPrefix),
			Advice: "in a layer such a name means that another file is deleted: rename or remove it in the step that makes it",
		}
	}
	owner.Lookup(in.fd, name, &st)
	same, err := d.same(in, name, &st, low)
	if err != nil {
		return err
	}
	if isDir(&st) {
		return d.subfolder(ctx, in, name, &st, under, same)
	}
	if same {
		return nil
	}
	return d.file(ctx, in, name, &st)
}

func (d *differ) subfolder(ctx context.Context, in *changed, name string, st *unix.Stat_t, under below, same bool) error {
	fd, err := openat(in.fd, name, openFolder, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	sub := &changed{fd: fd, path: path.Join(in.path, name), stat: *st, parent: in}
	if !same {
		if err := d.folderEntry(sub); err != nil {
			return err
		}
	}
	subUnder, err := under.enter(name)
	if err != nil {
		return err
	}
	defer subUnder.close()
	return d.folder(ctx, sub, subUnder)
}

// folderEntry writes the entry of a folder, and before it those of the folders
// that it stands in, each once.
func (d *differ) folderEntry(f *changed) error {
	if f.written {
		return nil
	}
	if err := d.folderEntry(f.parent); err != nil {
		return err
	}
	f.written = true
	hdr := d.header(f.path+"/", &f.stat)
	hdr.Typeflag = tar.TypeDir
	return d.out.WriteHeader(hdr)
}

// writeError names the entry, unless the error is not about it.
func writeError(name string, err error) error {
	var entry *EntryError
	var stream *streamError
	switch {
	case errors.As(err, &entry), errors.As(err, &stream),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return &EntryError{Op: "write", Name: "/" + name, Err: err}
}

// sink marks the errors of the writer that gets the tar among the others.
type sink struct{ w io.Writer }

func (s sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		err = &streamError{err}
	}
	return n, err
}

type streamError struct{ err error }

func (e *streamError) Error() string { return "write the layer: " + e.err.Error() }
func (e *streamError) Unwrap() error { return e.err }
