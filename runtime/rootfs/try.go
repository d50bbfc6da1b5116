package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Try says whether overlayfs can stack a folder on others, without writing to its file system: an *Error if not. The
// caller's mount namespace must be its own: a tmpfs covers its /dev meanwhile.
func Try(dir string) (err error) {
	if err := Suits(dir); err != nil {
		return err
	}
	const cover = "/dev"
	fd, err := open(dir) // it may be below
	if err != nil {
		return &Error{Op: "mount the layers", Err: err}
	}
	defer unix.Close(fd)
	if err := unix.Mount("tmpfs", cover, "tmpfs", 0, "mode=0700,size=64k"); err != nil {
		return &Error{Op: "mount a tmpfs", Err: err}
	}
	defer func() { err = errors.Join(err, Unmount(cover)) }()
	other, target := filepath.Join(cover, "other"), filepath.Join(cover, "target")
	for _, d := range []string{other, target} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return fmt.Errorf("try overlayfs: %w", err)
		}
	}
	if err := Mount(target, []string{fdPath(fd), other}, "", ""); err != nil {
		return err
	}
	return Unmount(target)
}
