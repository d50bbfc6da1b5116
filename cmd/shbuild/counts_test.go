package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What a build may touch is counted here, not timed: a count is the same on every machine. Where one of these tests fails
// after a change, the change made every such build dearer; if that has to be, the bound is to be raised in the same
// commit, which says why.

// TestVersionStartsNothing: a verb that needs no namespace enters none, and no second process.
func TestVersionStartsNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, false)
	for _, args := range [][]string{{"version"}, {"--help"}, {"build", "--help"}} {
		c := p.run(t, args...)
		if diff := cmp.Diff([]string{"shbuild"}, c.programs); diff != "" {
			t.Errorf("%q: programs (-want +got):\n%s", args, diff)
		}
		c.none(t, "mount", "unshare", "setns", "fork", "vfork", "clone", "clone3", "mkdirat", "renameat", "unlinkat", "fsync", "fdatasync")
		atMost(t, fmt.Sprint(args, ", of the state folder"), c.in(p.state), 0)
	}
}

// TestCachedBuildTouches: of a rebuild in which everything is cached, what is opened, written and started.
func TestCachedBuildTouches(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true)
	const few, many = 4, 24
	made := map[int]*asked{}
	for _, steps := range []int{few, many} {
		p.write(t, "Dockerfile", "FROM builtin:toybox\n"+strings.Repeat("RUN true\n", steps))
		p.build(t)
		made[steps] = p.run(t, "build", "-t", "made", p.context)
	}
	c := made[many]

	// Itself: there is nothing to be done in namespaces.
	if diff := cmp.Diff([]string{"shbuild"}, c.programs); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
	c.none(t, "mkdirat", "unlinkat", "renameat", "renameat2", "fsync", "fdatasync", "mount", "fsopen", "move_mount", "unshare", "setns",
		"fork", "vfork", "clone", "clone3")
	atMost(t, "of layers", c.in(filepath.Join(p.state, "layers")), 0)
	atMost(t, "of the build context", c.in(p.context), 1)
	atMost(t, "of the image store", c.in(filepath.Join(p.state, "images")), 6) // layout, ingest's folder, index, manifest twice, config
	atMost(t, "records of steps", c.in(filepath.Join(p.state, "cache", "steps")), many)

	more := len(c.in(p.state)) - len(made[few].in(p.state))
	if want := opensPerStep * (many - few); more > want {
		t.Errorf("for %d more cached steps %d more files of the state folder are opened, want at most %d:\n  %s", many-few, more, want,
			strings.Join(kinds(c.in(p.state)), "\n  "))
	}
	// A file or two more or less are looked at by chance, when Go's runtime starts.
	if more, want := c.counts["newfstatat"]-made[few].counts["newfstatat"], statsPerStep*(many-few); more > want+2 {
		t.Errorf("for %d more cached steps %d more files are looked at, want at most %d", many-few, more, want)
	}
}

// TestAskingStartsNothing: what is asked of a file instead of building it, and of the store, needs no namespace.
func TestAskingStartsNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true)
	p.write(t, "Dockerfile", "FROM builtin:toybox\nRUN true\n")
	p.build(t)
	file := filepath.Join(p.context, "Dockerfile")
	for _, args := range [][]string{
		{"build", "--call", "check", p.context}, {"build", "--call", "outline", p.context}, {"build", "--call", "targets", p.context},
		{"ls"}, {"history", "made"}, {"fmt", "--diff", file},
	} {
		c := p.run(t, args...)
		if diff := cmp.Diff([]string{"shbuild"}, c.programs); diff != "" {
			t.Errorf("%q: programs (-want +got):\n%s", args, diff)
		}
	}
}

const (
	opensPerStep = 2 // the records of the step, and of its layer as a blob
	statsPerStep = 2 // is the layer there, and its blob
)

// kinds are the folders of files, with how many are in each.
func kinds(files []string) []string {
	counts := map[string]int{}
	for _, f := range files {
		counts[filepath.Dir(f)]++
	}
	var list []string
	for _, dir := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s: %d", dir, counts[dir]))
	}
	return list
}

// TestUnchangedContextIsNotRead: a COPY of files that did not change opens none of them.
func TestUnchangedContextIsNotRead(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true)
	p.write(t, "Dockerfile", "FROM scratch\nCOPY . /\n")
	const files = 40
	for i := range files {
		p.write(t, fmt.Sprintf("file%d", i), strings.Repeat("x", 1000+i))
	}
	time.Sleep(2100 * time.Millisecond) // a file that has just changed is not trusted
	p.build(t)
	c := p.run(t, "build", "-t", "made", p.context)
	var read []string
	for _, file := range c.in(p.context) {
		if strings.HasPrefix(file, "file") {
			read = append(read, file)
		}
	}
	atMost(t, "unchanged files", read, 0)
	c.none(t, "renameat", "renameat2", "fsync", "fdatasync")

	// One that changed is read, and no other.
	p.write(t, "file7", "changed")
	c = p.run(t, "build", "-t", "made", p.context)
	seen := map[string]int{}
	for _, file := range c.in(p.context) {
		if strings.HasPrefix(file, "file") {
			seen[file]++
		}
	}
	if seen["file7"] == 0 {
		t.Error("the file that changed was not read")
	}
}

// TestRunStarts: the programs and processes of a RUN.
func TestRunStarts(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true)
	const few, many = 2, 6
	programs, processes := map[int]map[string]int{}, map[int]int{}
	for _, steps := range []int{few, many} {
		p.write(t, "Dockerfile", "FROM builtin:toybox\n"+strings.Repeat("RUN true\n", steps))
		c := p.run(t, "build", "--no-cache", "-t", "made", p.context)
		programs[steps] = map[string]int{}
		for _, name := range c.programs {
			if _, err := strconv.Atoi(name); err == nil {
				name = "runner" // executed by the number of its file
			}
			programs[steps][name]++
		}
		for call := range strings.SplitSeq(newProcess, ",") {
			processes[steps] += c.counts[call]
		}
	}
	const runs = many - few
	want := map[string]int{"sh": runs, "exe": runs} // exe: the container's init, which becomes sh
	for name, n := range programs[many] {
		more := n - programs[few][name]
		// The container that is begun ahead of a step that does not come may be one, or none.
		if more > want[name] && !(name == "exe" && more == runs+1) {
			t.Errorf("for %d more RUNs %s is started %d times more, want %d", runs, name, more, want[name])
		}
	}
	const each = 3 // the init, and the two that libcontainer makes its namespaces by
	if more := processes[many] - processes[few]; more > each*(runs+1) {
		t.Errorf("for %d more RUNs %d more processes are made, want %d for each", runs, more, each)
	}
}

// TestRunnerStartsOnFewPageFaults: what starts a container is started anew for each, so it pays for its memory each time
// (package hugepage). Without that it has 350.
func TestRunnerStartsOnFewPageFaults(t *testing.T) {
	t.Parallel()
	const pages = "/sys/kernel/mm/transparent_hugepage/enabled"
	if enabled, err := os.ReadFile(pages); err != nil || strings.Contains(string(enabled), "[never]") {
		t.Skip("the kernel gives no huge pages: " + pages)
	}
	const most = 250 // 100 to 170, by how the executable lies in the page cache
	least := int64(1 << 30)
	for range 3 { // there may be no huge page at the moment
		least = min(least, faults(t, "../../runtime/runner/embed/runner"))
	}
	if least > most {
		t.Errorf("the runner has %d page faults until it listens, want at most %d", least, most)
	}
}

// faults are the page faults of a runner that has nothing to do.
func faults(t *testing.T, program string) int64 {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	check(t, err)
	unix.Close(pair[0])
	theirs := os.NewFile(uintptr(pair[1]), "control socket")
	defer theirs.Close()
	cmd := exec.Command(program)
	cmd.ExtraFiles = []*os.File{theirs}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Minflt
}
