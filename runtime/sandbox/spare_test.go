package sandbox_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shbuild/shbuild/runtime/cgroup"
	"github.com/shbuild/shbuild/runtime/runner"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

// A container that was made ready before its step is the same as one that was made for it.
func TestSpare(t *testing.T) {
	t.Parallel()
	s := sandbox.New(runner.Program(), cgroup.New)
	defer s.Close()
	spec := newSpec(t)
	spec.StateDir = t.TempDir() // and none of the other tests' beside it
	spec.More = true
	spec.Env = append(spec.Env, "A=1")
	spec.Cwd, spec.UID, spec.GID, spec.Groups, spec.Hostname = "/bin", 7, 8, []int{9, 10}, "here"
	told := func(args ...string) string {
		spec.Args = append([]string{"prog"}, args...)
		spec.ID += "x"
		var out, errs strings.Builder
		spec.Stdout, spec.Stderr = &out, &errs
		if res, err := s.Run(t.Context(), spec); err != nil || res.Status != 0 {
			t.Errorf("%q: %v, %v: %s", args, res, err, &errs)
		}
		return out.String()
	}
	facts := [][]string{
		{"cat", "/proc/self/status"}, {"cat", "/proc/self/mountinfo"}, {"cat", "/proc/self/limits"}, {"cat", "/proc/self/environ"},
		{"cat", "/proc/sys/kernel/hostname"}, {"link", "/proc/self/cwd"}, {"ls", "/dev"}, {"ls", "/dev/pts"}, {"ls", "/proc/self/fd"}, {"ls", "/"},
		{"cat", "/etc/hosts"},
	}
	var fresh, spare []string
	for _, f := range facts {
		spec.More = false
		fresh = append(fresh, told(f...))
	}
	spec.More = true
	told("true")
	for _, f := range facts {
		waiting := await(t, spec)
		spare = append(spare, told(f...))
		if _, err := os.Stat(waiting); err == nil {
			t.Errorf("%q was not run in the container that waited", f)
		}
	}
	if diff := cmp.Diff(steady(fresh), steady(spare)); diff != "" {
		t.Errorf("in a fresh container (-), in one that waited (+):\n%s", diff)
	}
	spec.Args = []string{"nowhere"}
	await(t, spec)
	if _, err := s.Run(t.Context(), spec); err == nil || err.Error() != `exec: "nowhere": executable file not found in $PATH` {
		t.Errorf("a program that is missing: %v", err)
	}
	told("true")
	await(t, spec)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(spec.StateDir), "spare-*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// await waits for the container that is made ready, and gives its folder.
func await(t *testing.T, spec sandbox.Spec) string {
	t.Helper()
	for range 1000 {
		if dirs, _ := filepath.Glob(filepath.Join(filepath.Dir(spec.StateDir), "spare-*", "spare-*")); len(dirs) > 0 {
			return filepath.Dir(dirs[0])
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no container is made ready")
	return ""
}

// steady takes away what differs from one run to the next: numbers of mounts, devices and inodes, and memory.
func steady(facts []string) []string {
	changing := regexp.MustCompile(`(?m)^(\d+ \d+ \d+:\d+|Vm|Rss|HugetlbPages|voluntary|nonvoluntary|Pid|NSpid|Tgid|Ngid|PPid|TracerPid|Cpus|Mems|x86|untag|Threads|Sig|Shd|CoreDumping|THP|Speculation|Seccomp_filters).*?(/|$)`)
	out := make([]string, len(facts))
	for i, f := range facts {
		f = changing.ReplaceAllString(f, "$2")
		f = regexp.MustCompile(`/\S*/(spare-)?\S+\.(hosts|resolv\.conf) `).ReplaceAllString(f, "/STATE.$2 ")
		out[i] = regexp.MustCompile(`\S*/spare-[^ /]*/root`).ReplaceAllString(f, "ROOT")
	}
	return out
}
