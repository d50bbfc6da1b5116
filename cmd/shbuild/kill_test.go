package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is shbuild as testscript makes it: this test binary under another name.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "shbuild")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// building is a build of a Dockerfile in a folder of its own.
type building struct {
	shbuild, dir, state string
}

func newBuilding(t *testing.T, dockerfile string) *building {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { emptied(t, dir) })
	b := &building{program(t), dir, filepath.Join(dir, "state")}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		t.Fatal(err)
	}
	return b
}

// transcript is what a build says, read while it speaks.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (b *building) command(args ...string) (*exec.Cmd, *transcript) {
	cmd := exec.Command(b.shbuild, append([]string{"build", "--progress", "plain"}, append(args, b.dir)...)...)
	cmd.Env = append(os.Environ(), "SHBUILD_ROOT="+b.state, "HOME="+b.dir)
	said := &transcript{}
	cmd.Stdout, cmd.Stderr = said, said
	return cmd, said
}

// running are the processes with a word among their arguments.
func running(word string) (found []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), word) {
			found = append(found, f+": "+strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return found
}

// gone waits until no process with a word is left.
func gone(t *testing.T, word string) {
	t.Helper()
	var left []string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if left = running(word); len(left) == 0 {
			return
		}
	}
	t.Errorf("still running: %v", left)
}

// leftovers are the files in a state folder that only a build at work may have.
func leftovers(t *testing.T, state string) (found []string) {
	t.Helper()
	list := exec.Command("find", state, "-path", "*/layers/tmp/*", "-o", "-name", "*.tmp*", "-o", "-path", "*/mounts/*/*.new")
	if os.Getuid() != 0 {
		list = exec.Command("unshare", append([]string{"--user", "--map-auto", "--map-root-user"}, list.Args...)...)
	}
	out, err := list.Output()
	if err != nil {
		t.Fatalf("look through the state folder: %v", err)
	}
	return strings.Fields(string(out))
}

// A build that is killed at any instant, in unpacking, COPY, RUN or while a layer is kept, leaves no process behind
// and nothing that the next build does not remove; that one works, and its image is whole.
func TestKilled(t *testing.T) {
	t.Parallel()
	const word = "76543.21"
	b := newBuilding(t, `FROM builtin:toybox
COPY many /many
RUN cp -r /many /copies && (sleep `+word+` & true)
RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t cp -r /many /c/ && rm -r /c/many && rm -r /copies
RUN find /many -type f | wc -l > /count
`)
	many := filepath.Join(b.dir, "many")
	if err := os.Mkdir(many, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 400 {
		if err := os.WriteFile(filepath.Join(many, fmt.Sprint(i)), bytes.Repeat([]byte{byte(i)}, 10_000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	cmd, said := b.command("--no-cache", "-t", "whole")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	whole := time.Since(start)
	var states []string
	for i := range 10 {
		if i%2 == 0 { // a new state folder, in which FROM has to unpack first
			b.state = filepath.Join(b.dir, fmt.Sprint("state", i))
			states = append(states, b.state)
		}
		trace := filepath.Join(b.dir, "trace")
		cmd, said := b.command("--no-cache", "-t", "killed", "--trace", trace)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		after := time.Duration(rand.Int64N(int64(whole)))
		time.Sleep(after)
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
		gone(t, word)
		gone(t, b.dir)
		checkCutTrace(t, trace)
		if t.Failed() {
			t.Fatalf("kill %d, after %v:\n%s", i, after, said)
		}
	}
	for _, b.state = range states {
		b.checkWhole(t)
	}
}

// checkWhole builds TestKilled's Dockerfile and looks at what comes of it.
func (b *building) checkWhole(t *testing.T) {
	t.Helper()
	out := b.state + ".out"
	cmd, said := b.command("-t", "after", "-o", "type=local,dest="+out)
	if err := cmd.Run(); err != nil {
		t.Fatalf("the build after them: %v\n%s", err, said)
	}
	if text, err := os.ReadFile(filepath.Join(out, "count")); err != nil || strings.TrimSpace(string(text)) != "400" {
		t.Errorf("/count is %q, %v", text, err)
	}
	err := filepath.WalkDir(filepath.Join(out, "many"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if fi, err := d.Info(); err != nil || fi.Size() != 10_000 {
				t.Errorf("%s: %v, %v", path, fi, err)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if left := leftovers(t, b.state); len(left) > 0 {
		t.Errorf("left in the state folder: %v", left)
	}
}

// await waits until a build has said something.
func await(t *testing.T, said *transcript, text string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !strings.Contains(said.String(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the build did not say %q:\n%s", text, said)
		}
	}
}

// An interrupt ends a build that is still looking whether the cache has all of it, too.
func TestInterruptedWhileLooking(t *testing.T) {
	t.Parallel()
	b := newBuilding(t, "FROM scratch\n[ -z \"$1\" ] || while :; do :; done\n")
	cmd, said := b.command()
	if err := cmd.Run(); err != nil { // now there is a cache to look into
		t.Fatalf("%v\n%s", err, said)
	}
	trace := filepath.Join(b.dir, "trace")
	cmd, said = b.command("--trace", trace)
	cmd.Args = append(cmd.Args, "for ever")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if text, _ := os.ReadFile(trace); strings.Contains(string(text), "read the file") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != statusInterrupted {
		t.Errorf("status %d\n%s", status, said)
	}
	if n := strings.Count(said.String(), "shbuild: interrupted"); n != 1 {
		t.Errorf("it said\n%s", said)
	}
	gone(t, b.dir)
}

// An interrupt lets the program of a RUN end by itself, if it can; one that does not is killed after a while, and at
// once by a second interrupt. Nothing runs on, and nothing is left.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, run string
		times     int
		says      string
		min, max  time.Duration
	}{
		{"ends", `trap 'echo told; exit 0' TERM; echo ready; while true; do sleep 0.1; done`, 1, "told", 0, 4 * time.Second},
		{"deaf", `trap '' TERM; echo ready; while true; do sleep 0.1; done`, 1, "", 0, 4 * time.Second},
		{"stays", `trap 'echo told' TERM; echo ready; while true; do sleep 0.1; done`, 1, "told", 4 * time.Second, 20 * time.Second},
		{"twice", `trap 'echo told' TERM; echo ready; while true; do sleep 0.1; done`, 2, "interrupted twice", 0, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBuilding(t, "FROM builtin:toybox\nRUN "+c.run+"\n")
			trace := filepath.Join(b.dir, "trace")
			cmd, said := b.command("--trace", trace)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			await(t, said, " ready\n")
			start := time.Now()
			for range c.times {
				_ = cmd.Process.Signal(syscall.SIGINT)
				time.Sleep(2 * oneKeystroke)
			}
			_ = cmd.Wait()
			took := time.Since(start) - time.Duration(c.times)*2*oneKeystroke
			if took < c.min || took > c.max {
				t.Errorf("it took %v", took)
			}
			if status := cmd.ProcessState.ExitCode(); status != statusInterrupted {
				t.Errorf("status %d\n%s", status, said)
			}
			if !strings.Contains(said.String(), c.says) {
				t.Errorf("it said\n%s", said)
			}
			gone(t, b.dir)
			checkTrace(t, trace, map[bool]string{true: "failed", false: "cut off"}[c.times == 1])
			cmd, said = b.command("--target", "none")
			if err := cmd.Run(); err == nil {
				t.Error("there is no such target")
			}
			if left := leftovers(t, b.state); len(left) > 0 {
				t.Errorf("left in the state folder: %v\n%s", left, said)
			}
		})
	}
}
