package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// asked is what a program, and all that it started, asked of the kernel, as strace saw it.
type asked struct {
	programs []string // by the order in which they were started
	opened   []string // the files, but for those of programs that are not ours
	counts   map[string]int
}

// newProcess are calls that make processes, or threads.
const newProcess = "clone,clone3,fork,vfork"

// watched are the calls that are counted: those that change the disk or wait for it, and those that make or enter namespaces.
const watched = "openat,open,execve,newfstatat,mkdirat,unlinkat,renameat,renameat2,fsync,fdatasync,mount,fsopen,move_mount,unshare,setns," + newProcess

// place is where a traced program works: a folder that an ordinary user owns.
type place struct {
	dir, state, context, program string
	user                         *user.User // whom it is traced as; nil: this one
}

// newPlace skips where strace cannot follow. It takes newuidmap's setuid bit away unless root traces: so builds, which need
// that, are traced where the tests run as root, as the ordinary user of the tests.
func newPlace(t *testing.T, builds bool) *place {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	// Not the usual temporary folder, for the other user may not get into that.
	dir, err := os.MkdirTemp("/var/tmp", "counts-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &place{dir, filepath.Join(dir, "state"), filepath.Join(dir, "context"), filepath.Join(dir, "shbuild"), nil}
	for _, d := range []string{dir, p.state, p.context} {
		check(t, os.MkdirAll(d, 0o755))
		check(t, os.Chmod(d, 0o755))
	}
	copyFile(t, p.program)
	if os.Getuid() != 0 {
		if builds {
			t.Skip("strace by an ordinary user cannot follow newuidmap; the tests that run as root count this")
		}
		return p
	}
	name := os.Getenv("SHBUILD_TEST_USER")
	if name == "" {
		name = "shbuild-test"
	}
	if p.user, err = user.Lookup(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for _, d := range []string{dir, p.state, p.context} {
		check(t, os.Chown(d, number(t, p.user.Uid), number(t, p.user.Gid)))
	}
	return p
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	check(t, err)
	return n
}

// write puts a file into the build context.
func (p *place) write(t *testing.T, name, text string) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(p.context, name), []byte(text), 0o644))
}

// build builds the context, and counts nothing.
func (p *place) build(t *testing.T) {
	t.Helper()
	cmd := p.command(p.program, "build", "-t", "made", p.context)
	if p.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(number(t, p.user.Uid)), Gid: uint32(number(t, p.user.Gid))}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func (p *place) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "SHBUILD_ROOT=" + p.state, "TMPDIR=/tmp"}
	cmd.Dir = p.dir
	return cmd
}

// run runs shbuild under strace.
func (p *place) run(t *testing.T, args ...string) *asked {
	t.Helper()
	log := filepath.Join(p.dir, "strace")
	options := []string{"-f", "-y", "-o", log, "-e", "signal=none", "-e", "trace=" + watched}
	if p.user != nil {
		options = append(options, "-u", p.user.Username)
	}
	cmd := p.command("strace", slices.Concat(options, []string{p.program}, args)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("shbuild %q: %v\n%s", args, err, out)
	}
	f, err := os.Open(log)
	check(t, err)
	defer f.Close()
	return readAsked(bufio.NewScanner(f))
}

var (
	callLine   = regexp.MustCompile(`^(\d+) +(?:<\.\.\. )?([a-z0-9_]+)(\(| resumed>)(.*)$`)
	openedPath = regexp.MustCompile(`= \d+<([^<>]*)>$`)
	started    = regexp.MustCompile(`^"([^"]*)"`)
)

func readAsked(lines *bufio.Scanner) *asked {
	c := &asked{counts: map[string]int{}}
	program := map[string]string{} // by process, where it is not ours
	for lines.Scan() {
		m := callLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		pid, name, begins, rest := m[1], m[2], m[3] == "(", m[4]
		if begins && name == "execve" {
			if s := started.FindStringSubmatch(rest); s != nil && !strings.Contains(rest, "= -1 ") {
				c.programs = append(c.programs, filepath.Base(s[1]))
				if base := filepath.Base(s[1]); strings.HasPrefix(base, "new") {
					program[pid] = base
				}
			}
			continue
		}
		if program[pid] != "" {
			continue
		}
		if begins && !strings.Contains(rest, "CLONE_THREAD") {
			c.counts[name]++
		}
		if s := openedPath.FindStringSubmatch(rest); s != nil && strings.HasPrefix(name, "open") {
			c.opened = append(c.opened, s[1])
		}
	}
	return c
}

// in are the opened files below a folder, without it, in alphabetical order.
func (c *asked) in(dir string) []string {
	var found []string
	for _, file := range c.opened {
		if below, ok := strings.CutPrefix(file, dir+"/"); ok {
			found = append(found, below)
		}
	}
	slices.Sort(found)
	return found
}

// atMost fails where there are more files than a build of the kind has to open, and says which.
func atMost(t *testing.T, what string, got []string, want int) {
	t.Helper()
	if len(got) > want {
		t.Errorf("%s: %d files were opened, want at most %d:\n  %s", what, len(got), want, strings.Join(got, "\n  "))
	}
}

// none fails where a call was made that a build of the kind has no use for.
func (c *asked) none(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if n := c.counts[name]; n != 0 {
			t.Errorf("%d calls of %s, want none", n, name)
		}
	}
}

func (c *asked) String() string { return fmt.Sprint(c.programs, c.counts) }
