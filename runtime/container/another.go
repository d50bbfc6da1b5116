package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/userns"
)

// ownFolder is the folder of a runner with another root, see [Become]; empty: the runner is a plain one.
var ownFolder string

// Become makes this runner the one of another root (sandbox.Spec.Root), to be called before the first Run. All that
// such a runner has of the file system is a tmpfs: it covers a folder that nearly every machine has, in this process's
// view alone, and containers see nothing of it.
func Become() error {
	if err := userns.Become(); err != nil {
		return err
	}
	for _, dir := range []string{"/tmp", "/mnt", "/media", "/srv", "/opt", "/home", "/var"} {
		if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
			continue
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0711"); err != nil {
			return fmt.Errorf("mount a tmpfs: %w", err)
		}
		ownFolder = dir
		return nil
	}
	return errors.New("there is no folder to mount a tmpfs on: make /tmp")
}

// settle mounts what a job of another root's has brought along, and says so in its Spec. The returned function undoes
// that.
func settle(job *sandbox.Job) (undo func() error, err error) {
	if ownFolder == "" {
		return func() error { return nil }, nil
	}
	top := filepath.Join(ownFolder, job.Spec.ID)
	state := top + ".state" // not in it: a container for the next job may come to lie beside it
	mounted := []string{}
	undo = func() (err error) {
		for _, path := range slices.Backward(mounted) {
			err = errors.Join(err, unix.Unmount(path, unix.MNT_DETACH))
		}
		for _, tree := range job.Trees {
			tree.Close() // it holds the mount, and the file system below it
		}
		return errors.Join(err, os.RemoveAll(top), os.RemoveAll(state))
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("bring the files into the user namespace: %w", errors.Join(err, undo()))
		}
	}()
	job.Spec.StateDir = state
	if err := errors.Join(os.Mkdir(top, 0o711), os.Mkdir(state, 0o711)); err != nil {
		return undo, err
	}
	for i, tree := range job.Trees {
		path := filepath.Join(top, strconv.Itoa(i))
		if err := attach(tree, path); err != nil {
			return undo, err
		}
		mounted = append(mounted, path)
	}
	if len(mounted) == 0 {
		return undo, errors.New("there are none")
	}
	job.Spec.Rootfs = mounted[0]
	next := 1
	for i := range job.Spec.Mounts {
		if m := &job.Spec.Mounts[i]; m.Type != "tmpfs" {
			m.Source = mounted[next]
			next++
		}
	}
	return undo, nil
}

// attach mounts a tree at a path, where it makes the mount point.
func attach(tree *os.File, path string) error {
	fi, err := tree.Stat()
	if err != nil {
		return err
	}
	if fi.IsDir() {
		err = os.Mkdir(path, 0o700)
	} else {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		return err
	}
	if err := unix.MoveMount(int(tree.Fd()), "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", tree.Name(), err)
	}
	return nil
}
