package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// maxTrees is how many mounts can be handed to another root's runner: the kernel passes 253 files at once (SCM_MAX_FD).
const maxTrees = 240

// openTrees are what a container with another root is made of: its root file system and the sources of its mounts, in
// their order, each as a mount that is nowhere yet. The other root could not open them by their paths, since the state
// folder is the caller's.
func openTrees(spec *Spec) (trees []*os.File, err error) {
	defer func() {
		if err != nil {
			closeAll(trees)
			trees = nil
		}
	}()
	tree, err := openTree(spec.Rootfs)
	if err != nil {
		return nil, fmt.Errorf("find the root file system: %w", err)
	}
	trees = append(trees, tree)
	for _, m := range spec.Mounts {
		if m.Type == "tmpfs" {
			continue
		}
		if tree, err = openTree(m.Source); err != nil {
			return trees, fmt.Errorf("mount on %s: %w", m.Target, err)
		}
		trees = append(trees, tree)
	}
	if len(trees) > maxTrees {
		return trees, fmt.Errorf("USERNS: a RUN has at most %d mounts", maxTrees-1)
	}
	return trees, nil
}

func openTree(path string) (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
