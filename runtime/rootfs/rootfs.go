// Package rootfs stacks layer folders into one tree with overlayfs, and looks
// up users in such a tree.
//
// Layers are in the form that package layer describes. Everything runs inside
// the build's user and mount namespace. The package takes no part in what the
// tree is used for, and does not keep or remove the folders.
package rootfs

import "errors"

// Mount mounts the layers at target, the topmost first in lowers. Changes go
// to the folder upper, with work as overlay's workdir; without upper the mount
// is read-only. Without lowers upper alone is mounted.
func Mount(target string, lowers []string, upper, work string) error { return errors.ErrUnsupported }

// Unmount unmounts what Mount mounted.
func Unmount(target string) error { return errors.ErrUnsupported }

// User is who a process runs as.
type User struct {
	UID, GID int
	Groups   []int // supplementary groups, the primary one among them
	Home     string
}

// LookupUser finds who USER's operand names, in the passwd and group files of
// a root filesystem.
func LookupUser(root, spec string) (User, error) { return User{}, errors.ErrUnsupported }

// ParseChown finds whom --chown names.
func ParseChown(root, spec string) (uid, gid int, err error) { return 0, 0, errors.ErrUnsupported }
