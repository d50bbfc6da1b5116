package rootfs

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// MaxLowers is the largest number of layers that the kernel stacks
// (OVL_MAX_STACK).
const MaxLowers = 500

// Mount mounts the layers at target, a folder, the topmost first in lowers.
// Changes go to the folder upper; work is an empty folder on the same
// filesystem, overlayfs's workdir, and cannot be used for a second mount.
// Without upper (and work) the mount is read-only. There may be no lowers: with
// upper the tree is then what upper holds, else an empty one. Target must be
// empty where fewer than two folders are to be stacked.
//
// Paths may have any characters and any length that the kernel opens. Changes
// are not flushed to the disk (option volatile), and a failure to mount gives
// an *Error.
func Mount(target string, lowers []string, upper, work string) error {
	if len(lowers) > MaxLowers {
		return &Error{
			Op: fmt.Sprintf("mount %d layers", len(lowers)), Err: unix.E2BIG,
			advice: fmt.Sprintf("overlayfs stacks at most %d: join steps, or start from an image with fewer layers", MaxLowers),
		}
	}
	if len(lowers) == 0 && upper == "" {
		return mountEmpty(target)
	}
	if len(lowers) == 0 || len(lowers) == 1 && upper == "" {
		// The kernel wants one folder more: the mount point is an empty one.
		if err := checkEmpty(target); err != nil {
			return &Error{Op: "mount at " + target, Err: err}
		}
		lowers = append(lowers[:len(lowers):len(lowers)], target)
	}
	s, err := openStack(lowers, upper, work)
	if err != nil {
		return &Error{Op: "mount the layers", Err: err}
	}
	defer s.close()
	err = s.mount(target)
	if err == nil {
		return nil
	}
	return explain(err, s)
}

// Unmount unmounts what Mount mounted. Processes that still use the tree keep
// it until they end, but it is gone from the folder at once.
func Unmount(target string) error {
	err := unix.Unmount(target, unix.UMOUNT_NOFOLLOW)
	if err == unix.EBUSY {
		err = unix.Unmount(target, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH)
	}
	if err != nil {
		return &Error{Op: "unmount " + target, Err: err}
	}
	return nil
}

// mountEmpty mounts an empty, read-only tree.
func mountEmpty(target string) error {
	err := unix.Mount("tmpfs", target, "tmpfs", unix.MS_RDONLY, "mode=0755,size=4k")
	if err != nil {
		return &Error{Op: "mount an empty root", Err: err}
	}
	return nil
}

func checkEmpty(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if names, _ := f.Readdirnames(1); len(names) > 0 {
		return errors.New("the folder is not empty")
	}
	return nil
}
