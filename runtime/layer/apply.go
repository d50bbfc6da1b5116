package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/readahead"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// Applied is what [Apply] has to say about a layer.
type Applied struct {
	// Implied are the folders that entries of the tar stand in and that are
	// no entries themselves, as paths below the layer's folder, sorted:
	// what [Adopt] wants.
	Implied []string
	// Skipped are the entries, or attributes of entries, that were left out.
	Skipped []Skipped
}

// Skipped is something in a layer's tar that the layer's folder does not hold.
type Skipped struct {
	Name   string // the entry
	Reason string // "device 1:3: a build makes no devices"
}

func (s Skipped) String() string { return shorten(s.Name) + ": " + s.Reason }

// bufferSize is how much is read and written at once; more was not faster.
const bufferSize = 128 << 10

// ahead is how many buffers are read ahead of what is being unpacked.
const ahead = 4

// Apply unpacks an uncompressed layer tar (OCI image specification, "Image
// Layer Filesystem Changeset") into an empty folder, and reads r to its end.
// Nothing is written outside the folder, whatever the tar holds: names and
// links that lead out of it are taken as after a chroot to it. The attributes
// of the folder itself stay, as in containerd.
//
// Left out, and listed in the result, are device nodes in a user namespace
// (the kernel forbids them), and extended attributes that cannot be set or are
// overlayfs's own. Anything else that the folder cannot hold is an error: an
// *EntryError with advice for one entry; ErrTruncated and ErrFormat tell about
// the tar. What is there then is to be thrown away, and r is not read any more.
func Apply(ctx context.Context, r io.Reader, dir string) (Applied, error) {
	t, err := openTree(dir)
	if err != nil {
		return Applied{}, err
	}
	defer t.close()
	// Whoever makes the content (decompresses it, checks its digest) does so while files are written.
	in, err := readahead.NewReaderSize(r, ahead, bufferSize)
	if err != nil {
		return Applied{}, err
	}
	defer in.Close()
	a := &applier{tree: t, tar: tar.NewReader(in), buf: make([]byte, bufferSize)}
	a.uid, a.gid = owner.OfNew()
	if err := a.entries(ctx); err != nil {
		return Applied{}, err
	}
	if err := a.finish(); err != nil {
		return Applied{}, err
	}
	if err := drain(ctx, in, a.buf); err != nil {
		return Applied{}, fmt.Errorf("read the layer: %w", err)
	}
	return Applied{slices.Sorted(maps.Keys(t.implied)), a.skipped}, nil
}

// applier is one Apply.
type applier struct {
	*tree
	tar     *tar.Reader
	buf     []byte
	uid     int // that new files get by themselves
	gid     int
	skipped []Skipped
	times   []folderTime // set at the end, since every entry changes its folder's
}

type folderTime struct {
	path  string
	times [2]unix.Timespec
}

func (a *applier) entries(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		hdr, err := a.tar.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // all paths are made secure here
			return tarError(err)
		}
		a.settle()
		if err := a.entry(ctx, hdr); err != nil {
			return entryError(hdr.Name, err)
		}
	}
}

// entry unpacks one entry.
func (a *applier) entry(ctx context.Context, hdr *tar.Header) error {
	name := cleanName(hdr.Name)
	if hdr.Typeflag == tar.TypeXGlobalHeader || name == "" {
		return nil
	}
	if isMeta(name) {
		a.skip(hdr, "bookkeeping of AUFS, not part of the image")
		return nil
	}
	in, err := a.find(parentOf(name), true)
	if err != nil {
		return err
	}
	base := path.Base(name)
	if base == opaqueMarker {
		return unix.Fsetxattr(in.fd, xattrOpaque, []byte("y"), 0)
	}
	if hidden, ok := strings.CutPrefix(base, whiteoutPrefix); ok {
		return whiteout(in, hidden)
	}
	return a.create(ctx, hdr, in, base)
}

// finish sets what can only be set at the end.
func (a *applier) finish() error {
	for _, name := range slices.Sorted(maps.Keys(a.implied)) {
		if !a.isFolder(name) { // replaced by a later entry
			delete(a.implied, name)
			continue
		}
		// Not the current time: the same tar gives the same folder.
		a.times = append(a.times, folderTime{path: name})
	}
	// Folder by folder, so that those on the way are found open; the last entry of one name counts.
	slices.SortStableFunc(a.times, func(x, y folderTime) int { return strings.Compare(x.path, y.path) })
	for _, ft := range a.times {
		if !a.isFolder(ft.path) {
			continue
		}
		in, err := a.find(parentOf(ft.path), false)
		if err == nil {
			err = unix.UtimesNanoAt(in.fd, path.Base(ft.path), ft.times[:], unix.AT_SYMLINK_NOFOLLOW)
		}
		if err != nil {
			return entryError(ft.path, err)
		}
	}
	return nil
}

// isFolder says whether a canonical path is (still) that of a folder.
func (a *applier) isFolder(name string) bool {
	a.settle()
	in, err := a.find(parentOf(name), false)
	if err != nil || in.path != parentOf(name) {
		return false
	}
	st, err := lstatat(in.fd, path.Base(name))
	return err == nil && isDir(&st)
}

func (a *applier) skip(hdr *tar.Header, reason string) {
	a.skipped = append(a.skipped, Skipped{hdr.Name, reason})
}

// timesOf are an entry's times of access and modification, within what
// filesystems can hold.
func timesOf(hdr *tar.Header) [2]unix.Timespec {
	mtime, atime := hdr.ModTime, hdr.AccessTime
	if atime.Before(mtime) {
		atime = mtime
	}
	return [2]unix.Timespec{timespec(atime), timespec(mtime)}
}

func timespec(t time.Time) unix.Timespec {
	const latest = 1<<34 - 1<<31 - 1 // in the year 2446: ext4's last second
	sec := t.Unix()
	if sec < 0 || sec > latest {
		return unix.Timespec{}
	}
	return unix.Timespec{Sec: sec, Nsec: int64(t.Nanosecond())}
}

// drain reads what follows the end of the archive: the padding belongs to the
// layer's digest.
func drain(ctx context.Context, r io.Reader, buf []byte) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if _, err := r.Read(buf); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// tarError says what is wrong with the tar, or passes on the error of the
// reader below it.
func tarError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrTruncated, err)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return fmt.Errorf("read the layer: %w", err)
}

// entryError names the entry, unless the error is not about it.
func entryError(name string, err error) error {
	var e *EntryError
	var r *readError
	switch {
	case errors.As(err, &r):
		return tarError(r.error)
	case errors.As(err, &e), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return &EntryError{Op: "unpack", Name: name, Err: err}
}

// readError marks an error of the tar's reader among those of the disk.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }
