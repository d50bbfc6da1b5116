package rootfs

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// Suits says whether overlayfs can keep changes on the file system of a folder, as far as that shows without a mount:
// an *Error if not.
func Suits(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Type != unix.OVERLAYFS_SUPER_MAGIC {
		return nil
	}
	return &Error{Op: "put overlayfs on an overlay", Err: unix.EINVAL, advice: onOverlay}
}

// NoOverlay says whether Mount's error means that the place has no overlayfs for its caller, and not that these
// layers cannot be mounted.
func NoOverlay(err error) bool {
	var e *Error
	return errors.As(err, &e) && slices.ContainsFunc([]error{
		unix.EPERM, unix.EACCES, unix.ENODEV, unix.ENOSYS, unix.EINVAL, unix.ENOTSUP, unix.EXDEV,
	}, func(target error) bool { return errors.Is(err, target) })
}
