package container

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/runc/libcontainer"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// checkMemory sees whether the container can have a cgroup that limits its memory. libcontainer would find out
// too, but late and in words that help nobody.
func checkMemory(spec *sandbox.Spec) error {
	if spec.Memory <= 0 {
		return nil
	}
	dir, err := ownCgroup()
	if err != nil {
		return &sandbox.MemoryError{Err: err}
	}
	probe := filepath.Join(dir, "shbuild-"+spec.ID+"-probe")
	if err := os.Mkdir(probe, 0o755); err != nil {
		return &sandbox.MemoryError{Err: fmt.Errorf("make a cgroup: %w", err)}
	}
	if err := os.Remove(probe); err != nil {
		return &sandbox.MemoryError{Err: fmt.Errorf("remove a cgroup: %w", err)}
	}
	return nil
}

// ownCgroup gives the folder of the cgroup that this process is in and that can have children with a limit.
func ownCgroup() (string, error) {
	if !cgroups.IsCgroup2UnifiedMode() {
		dir, err := cgroups.GetOwnCgroupPath("memory")
		if err != nil {
			return "", fmt.Errorf("find the memory cgroup: %w", err)
		}
		return dir, nil
	}
	own, err := cgroups.ParseCgroupFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("find the cgroup: %w", err)
	}
	dir := filepath.Join("/sys/fs/cgroup", own[""])
	has, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return "", fmt.Errorf("find the cgroup: %w", err)
	}
	if !slices.Contains(strings.Fields(string(has)), "memory") {
		return "", errors.New("the cgroup has no memory controller")
	}
	// Below a cgroup with processes in it, and this process is, no controller can be switched on.
	given, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil {
		return "", fmt.Errorf("read the cgroup: %w", err)
	}
	if !slices.Contains(strings.Fields(string(given)), "memory") {
		return "", errors.New("the cgroup does not hand its memory controller on")
	}
	return dir, nil
}

// outOfMemory says whether the kernel killed a process of the container for its limit. It has to be asked
// before the container, and its cgroup, is destroyed.
func outOfMemory(c *libcontainer.Container) bool {
	state, err := c.State()
	if err != nil {
		return false
	}
	return killed(filepath.Join(state.CgroupPaths["memory"], "memory.oom_control")) ||
		killed(filepath.Join(state.CgroupPaths[""], "memory.events"))
}

// killed reads the line "oom_kill N".
func killed(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "oom_kill "); ok {
			count, _ := strconv.ParseUint(n, 10, 64)
			return count > 0
		}
	}
	return false
}
