package layer

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// ErrTruncated is in the error of [Apply] for a tar that ends too early.
var ErrTruncated = errors.New("the layer is cut off")

// ErrFormat is in the error of [Apply] for what is no tar, or a broken one.
var ErrFormat = errors.New("not a valid tar")

// EntryError is an entry of a layer that cannot be held on disk, or one on
// disk that cannot be held in a layer.
type EntryError struct {
	Op     string // what was being done: "unpack", "write"
	Name   string // the entry, as the tar or the folder names it
	Err    error
	Advice string // may be empty
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("%s %s: %v", e.Op, shorten(e.Name), e.Err)
}

func (e *EntryError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *EntryError) Hint() string {
	if e.Advice != "" {
		return e.Advice
	}
	return adviceFor(e.Err)
}

// StoreError is an act on the store that failed.
type StoreError struct {
	Op   string // "open the layer store"
	Path string
	Err  error
}

func (e *StoreError) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Path, e.Err) }

func (e *StoreError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *StoreError) Hint() string { return adviceFor(e.Err) }

// adviceFor turns the system's answers that a user can do something about
// into advice.
func adviceFor(err error) string {
	switch {
	case errors.Is(err, unix.ENOSPC):
		return "the disk of the state folder is full (space or inodes): free some, or choose another with --root or SHBUILD_ROOT"
	case errors.Is(err, unix.EDQUOT):
		return "your disk quota is used up: free some space, or choose another state folder with --root or SHBUILD_ROOT"
	case errors.Is(err, unix.EROFS):
		return "the state folder is read-only: choose another with --root or SHBUILD_ROOT"
	case errors.Is(err, unix.ENOTSUP):
		return "the state folder's filesystem has no extended attributes for users: put it on ext4, xfs, btrfs, or tmpfs of Linux 6.6 and later (--root or SHBUILD_ROOT)"
	case errors.Is(err, fs.ErrPermission):
		return "the state folder must belong to you: choose another with --root or SHBUILD_ROOT"
	}
	return ""
}

// shorten keeps a hostile name from filling the screen.
func shorten(name string) string {
	const most = 200
	q := fmt.Sprintf("%q", name)
	if plain := q[1 : len(q)-1]; plain == name {
		q = name
	}
	if len(q) > most {
		q = q[:most/2] + "…" + q[len(q)-most/2:]
	}
	return q
}
