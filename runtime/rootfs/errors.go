package rootfs

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Error is a mount that failed.
type Error struct {
	Op     string
	Err    error
	advice string
}

func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about it; it may be empty.
func (e *Error) Hint() string { return e.advice }

// kernelError adds what the kernel says about a filesystem context (fsopen(2))
// to the error of a call on it.
func kernelError(fsfd int, err error) error {
	var said []string
	buf := make([]byte, 8<<10)
	for {
		n, rerr := unix.Read(fsfd, buf) // one message each
		if rerr != nil || n == 0 {
			break
		}
		line := strings.TrimSpace(string(buf[:n]))
		if len(line) > 2 && line[1] == ' ' { // "e message": error, warning, info
			line = line[2:]
		}
		said = append(said, strings.TrimPrefix(line, "overlay: "))
	}
	if len(said) == 0 {
		return err
	}
	return fmt.Errorf("%w (the kernel: %s)", err, strings.Join(said, "; "))
}

const (
	elsewhere = "choose another state folder with --root or SHBUILD_ROOT"
	onOverlay = "the state folder is on an overlay itself, as in most containers: put it on a volume, an emptyDir or a tmpfs; " + elsewhere
)

// explain adds advice to a failed mount, from the error and from the
// filesystem that the changes would go to.
func explain(err error, s *stack) error {
	e := &Error{Op: "mount the layers with overlayfs", Err: err}
	fs := s.filesystem()
	switch {
	case errors.Is(err, errTooLong):
		e.advice = "use a newer kernel, or start from an image with fewer layers"
	case errors.Is(err, unix.ENODEV):
		e.advice = "this kernel has no overlayfs: modprobe overlay as root"
	case fs == "overlay":
		e.advice = onOverlay
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOSYS):
		e.advice = "mounting overlayfs as an ordinary user needs Linux 5.11 or later, and a container around shbuild must not forbid mounts (docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
	case errors.Is(err, unix.ENOSPC):
		e.advice = "the disk of the state folder is full, or the limit of mounts in /proc/sys/fs/mount-max or user namespaces in /proc/sys/user is reached"
	case fs == "nfs", fs == "fuse", fs == "smb":
		e.advice = "overlayfs cannot keep changes on " + fs + ": put the state folder on ext4, xfs, btrfs or a tmpfs; " + elsewhere
	case fs == "tmpfs" && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP)):
		e.advice = "a tmpfs needs Linux 6.6 or later here; " + elsewhere
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOTSUP):
		e.advice = "overlayfs needs Linux 5.11 or later, and the state folder on ext4, xfs, btrfs or a tmpfs; " + elsewhere
	}
	return e
}

// filesystem names the kind of filesystem that changes go to, or else that the
// top layer is on.
func (s *stack) filesystem() string {
	fd := s.upper
	if fd < 0 {
		fd = s.lowers[0]
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return ""
	}
	switch st.Type {
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.NFS_SUPER_MAGIC:
		return "nfs"
	case unix.FUSE_SUPER_MAGIC:
		return "fuse"
	case unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC:
		return "smb"
	}
	return ""
}
