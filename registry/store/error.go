package store

import (
	"errors"
	"fmt"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ErrNotFound is in the chain of errors about a blob that the store does not have.
var ErrNotFound = errors.New("not in the image store")

// Damaged says that a file of the store is not what it has to be. The store leaves it alone.
type Damaged struct {
	Path   string
	Reason string
}

func (e *Damaged) Error() string { return fmt.Sprintf("image store: %s: %s", e.Path, e.Reason) }

// Hint says how to go on without the file.
func (e *Damaged) Hint() string {
	return "move the file away and pull or build the image again; nothing was changed"
}

// WrongDigest says that content is not what its digest promised.
type WrongDigest struct {
	Want, Got v1.Hash
}

func (e *WrongDigest) Error() string {
	return fmt.Sprintf("blob %s: wrong digest: the content received is %s", e.Want, e.Got)
}

// Hint says who is to blame.
func (e *WrongDigest) Hint() string {
	return "the registry, or a proxy on the way, sent other content than the manifest names; nothing of it was kept"
}

// WrongSize says that content ended early or goes on too long.
type WrongSize struct {
	Digest    v1.Hash
	Want, Got int64 // bytes; Got is at least this many when there were too many
}

func (e *WrongSize) Error() string {
	if e.Got < e.Want {
		return fmt.Sprintf("blob %s: cut off after %d of %d bytes", e.Digest, e.Got, e.Want)
	}
	return fmt.Sprintf("blob %s: longer than the %d bytes that its descriptor says", e.Digest, e.Want)
}

// Hint says what to do.
func (e *WrongSize) Hint() string {
	if e.Got < e.Want {
		return "the transfer broke off; try again"
	}
	return "the registry, or a proxy on the way, sent other content than the manifest names; nothing of it was kept"
}

// fullDisk adds advice to an error of the file system that has some.
type fullDisk struct{ error }

func (e fullDisk) Unwrap() error { return e.error }

// Hint says what to do.
func (e fullDisk) Hint() string {
	return "make room on the disk, or choose another place for images with --root or SHBUILD_ROOT"
}

// writeError wraps what the file system said about writing to the store.
func writeError(act string, err error) error {
	err = fmt.Errorf("image store: %s: %w", act, err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fullDisk{err}
	}
	return err
}
