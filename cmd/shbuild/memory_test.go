package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// limits says whether memory can be limited here: by root where there is a memory controller, by others in a cgroup that
// scripts/as-test-user gives.
func limits() bool {
	if os.Getuid() != 0 {
		return os.Getenv("SHBUILD_TEST_CGROUP") != ""
	}
	top := "/sys/fs/cgroup"
	if _, err := os.Stat(top + "/memory/memory.limit_in_bytes"); err == nil {
		top += "/memory"
	} else if has, err := os.ReadFile(top + "/cgroup.controllers"); err != nil || !slices.Contains(strings.Fields(string(has)), "memory") {
		return false
	}
	return unix.Access(top, unix.W_OK) == nil
}

// groups are the cgroups that builds have made below the one that the tests are in, or beside it.
func groups(t *testing.T) (found []string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/cgroup")
	check(t, err)
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, top := range []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup"} {
			for _, dir := range []string{parts[2], filepath.Dir(parts[2])} {
				names, _ := filepath.Glob(filepath.Join(top, dir, "shbuild-"+strings.Repeat("?", 26)))
				found = append(found, names...)
			}
		}
	}
	return found
}

// A build with MEM that is killed leaves an empty cgroup, which the next one with MEM removes. No build leaves one
// otherwise.
func TestKilledWithMemory(t *testing.T) {
	if !limits() {
		t.Skip("no cgroup of our own: scripts/as-test-user gives one")
	}
	const word = "87654.32"
	b := newBuilding(t, "FROM builtin:toybox\nMEM 64m\nRUN echo ready; sleep "+word+"\n")
	b.end(t, func(cmd *exec.Cmd, said *transcript) {
		await(t, said, " ready\n")
		if len(groups(t)) == 0 {
			t.Error("the RUN has no cgroup")
		}
		check(t, cmd.Process.Signal(syscall.SIGKILL))
	})
	gone(t, word)
	if len(groups(t)) == 0 {
		t.Error("the killed build has left no cgroup: this test shows nothing")
	}
	check(t, os.WriteFile(filepath.Join(b.dir, "Dockerfile"), []byte("FROM builtin:toybox\nMEM 64m\nRUN true\n"), 0o644))
	b.end(t, func(*exec.Cmd, *transcript) {})
	if left := groups(t); len(left) > 0 {
		t.Errorf("cgroups are left: %v", left)
	}
}

// end starts a build, and waits for its end.
func (b *building) end(t *testing.T, meanwhile func(*exec.Cmd, *transcript)) {
	t.Helper()
	cmd, said := b.command()
	check(t, cmd.Start())
	meanwhile(cmd, said)
	if err := cmd.Wait(); err != nil && !strings.Contains(err.Error(), "killed") {
		t.Fatalf("%v\n%s", err, said)
	}
}
