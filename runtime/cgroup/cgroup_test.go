package cgroup

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// newGroup makes a group where that can be had; else the test is skipped, but not where scripts/as-test-user has given one.
func newGroup(t *testing.T, memory int64) *Group {
	t.Helper()
	g, err := New(memory)
	if err == nil {
		return g.(*Group)
	}
	if os.Getenv("SHBUILD_TEST_CGROUP") != "" {
		t.Fatal(err)
	}
	t.Skip("no cgroup here: ", err)
	return nil
}

// TestGroup limits processes, and sees what became of them.
func TestGroup(t *testing.T) {
	g := newGroup(t, 32<<20)
	file := filepath.Join(t.TempDir(), "zeros")
	for _, tt := range []struct {
		size   string
		killed bool
	}{{"1M", false}, {"200M", true}} {
		// It reads its line when it is in the group.
		cmd := exec.Command("sh", "-c", "read go && exec dd if=/dev/zero of="+file+" count=1 bs="+tt.size)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := join(g.Procs(), cmd.Process.Pid); err != nil {
			t.Fatal(err)
		}
		_, _ = in.Write([]byte("go\n"))
		err = cmd.Wait()
		if killed, peak := g.Usage(); (err != nil) != tt.killed || (killed > 0) != tt.killed || peak < 1<<20 || peak > 33<<20 {
			t.Errorf("%s: %v, %d killed, at most %d bytes", tt.size, err, killed, peak)
		}
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(g.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// TestLook says beforehand what New comes to.
func TestLook(t *testing.T) {
	before, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	looked := Look()
	after, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Errorf("it moved this process:\n%s\nafter\n%s", before, after)
	}
	g, err := New(32 << 20)
	if err == nil {
		defer g.Close()
	}
	if (looked == nil) != (err == nil) {
		t.Errorf("looked: %v; made: %v", looked, err)
	}
	var e *Error
	if looked != nil && (!errors.As(looked, &e) || e.Hint() == "") {
		t.Errorf("%v has no advice", looked)
	}
}

// TestCollect removes what nobody holds, and nothing else.
func TestCollect(t *testing.T) {
	g := newGroup(t, 32<<20)
	defer g.Close()
	above := filepath.Dir(g.dir)
	abandoned, used, other := filepath.Join(above, prefix+"abandoned"), filepath.Join(above, prefix+"used"), filepath.Join(above, "other")
	for _, dir := range []string{abandoned, used, other} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		defer unix.Rmdir(dir)
	}
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = cmd.Wait()
	}()
	procs, err := os.OpenFile(filepath.Join(used, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := join(procs, cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	procs.Close()
	collect(above)
	var left []string
	for _, dir := range []string{abandoned, used, other, g.dir} {
		if _, err := os.Stat(dir); err == nil {
			left = append(left, dir)
		}
	}
	if want := []string{used, other, g.dir}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
}

// TestAdvice has something to say about each way to have no cgroup.
func TestAdvice(t *testing.T) {
	for _, tt := range []struct {
		err  *Error
		hint string
	}{
		{&Error{Err: errNoHierarchy}, "a container: give it"},
		{&Error{Err: told("make a cgroup", &os.PathError{Op: "mkdir", Path: "/proc/self/fd/9/x", Err: unix.EROFS}), v2: true}, "mount it with write access"},
		{&Error{Err: told("make a cgroup", &os.PathError{Op: "mkdir", Path: "/proc/self/fd/9/x", Err: unix.EACCES}), v2: true}, "systemd-run --user --scope -p Delegate=yes shbuild"},
		{&Error{Err: told("make a cgroup", unix.EACCES)}, "chown -R you"},
		{&Error{Err: errController, v2: true}, "+memory"},
	} {
		if !strings.Contains(tt.err.Hint(), tt.hint) || strings.Contains(tt.err.Error(), "/proc") {
			t.Errorf("%v\nhint: %s\nwant: %s", tt.err, tt.err.Hint(), tt.hint)
		}
	}
}
