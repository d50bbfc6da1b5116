package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shbuild/shbuild/runtime/cgroup"
	"github.com/shbuild/shbuild/runtime/runner"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, want := range []int{0, 1, 2, 126, 127, 130, 255} {
		if o := run(t, newSpec(t, "exit", fmt.Sprint(want))); o.Status != want || o.Signal != "" || o.OOM {
			t.Errorf("exit %d: %+v", want, o.Result)
		}
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	o := run(t, newSpec(t, "both"))
	if o.out != "out 1\nout 3\n" || o.err != "err 2\n" {
		t.Errorf("standard output %q, error %q", o.out, o.err)
	}
	spec := newSpec(t, "both")
	var one bytes.Buffer
	spec.Stdout, spec.Stderr = &one, &one
	run(t, spec)
	if one.String() != "out 1\nerr 2\nout 3\n" {
		t.Errorf("both into one: %q", one.String())
	}
	spec = newSpec(t, "both") // thrown away
	if r, err := containers.Run(t.Context(), spec); err != nil || r.Status != 0 {
		t.Errorf("into nothing: %+v, %v", r, err)
	}
}

// All of both outputs arrives, though the program does not wait for it.
func TestOutputIsWhole(t *testing.T) {
	t.Parallel()
	const n = 10 << 20
	o := run(t, newSpec(t, "flood", fmt.Sprint(n)))
	if o.out != strings.Repeat("o", n) || o.err != strings.Repeat("e", n) {
		t.Errorf("standard output has %d bytes, error %d, want %d", len(o.out), len(o.err), n)
	}
}

// A writer that takes no more ends the program, and its error comes out if the program did not fail anyway.
func TestOutputFails(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	spec := newSpec(t, "both")
	spec.Stderr = failing{full}
	o, err := try(t, spec)
	if !errors.Is(err, full) || o.Status != 0 {
		t.Errorf("%+v, error %v", o, err)
	}
	spec = newSpec(t, "flood", "1000000")
	spec.Stdout = failing{full}
	if o, err := try(t, spec); err == nil && o.Status == 0 {
		t.Errorf("%+v, no error", o.Result)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }
func (f failing) Read([]byte) (int, error)  { return 0, f.error }

func TestStdin(t *testing.T) {
	t.Parallel()
	prints(t, newSpec(t, "stdin"), "")
	spec := newSpec(t, "stdin")
	spec.Stdin = strings.NewReader("hello\n")
	prints(t, spec, "hello\n")

	big := strings.Repeat("x", 1<<20)
	spec = newSpec(t, "true") // reads nothing of it
	spec.Stdin = strings.NewReader(big)
	prints(t, spec, "")
	spec = newSpec(t, "stdin")
	spec.Stdin = strings.NewReader(big)
	prints(t, spec, big)

	spec = newSpec(t, "true") // has more to give when the program has ended: nobody waits for it
	r, w := io.Pipe()
	defer w.Close()
	spec.Stdin = r
	prints(t, spec, "")

	lost := errors.New("lost")
	spec = newSpec(t, "stdin")
	spec.Stdin = failing{lost}
	if _, err := try(t, spec); !errors.Is(err, lost) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// The outputs of another user's program are theirs to open.
func TestOpenStdout(t *testing.T) {
	t.Parallel()
	spec := newSpec(t, "append", "/dev/stdout", "by name\n")
	spec.UID, spec.GID = 7, 8
	prints(t, spec, "by name\n<nil>\n")
}

func TestProcess(t *testing.T) {
	t.Parallel()
	t.Run("arguments", func(t *testing.T) {
		prints(t, newSpec(t, "args", "", "a b", "ü", "-x", "$HOME", "\n"), `["" "a b" "ü" "-x" "$HOME" "\n"]`+"\n")
	})
	t.Run("environment", func(t *testing.T) {
		spec := newSpec(t, "env")
		spec.Env = []string{"PATH=/bin", "A=1 2", "EMPTY=", "HOME=/here", "B=x=y"}
		prints(t, spec, "PATH=/bin\nA=1 2\nEMPTY=\nHOME=/here\nB=x=y\n")
	})
	t.Run("HOME comes from passwd", func(t *testing.T) {
		spec := newSpec(t, "env")
		must(t, os.Mkdir(in(spec, "etc"), 0o755))
		must(t, os.WriteFile(in(spec, "etc/passwd"), []byte("bob:x:7:8::/home/bob:\n"), 0o644))
		spec.UID, spec.GID = 7, 8
		prints(t, spec, "PATH=/bin\nHOME=/home/bob\n")
	})
	t.Run("working directory", func(t *testing.T) {
		prints(t, newSpec(t, "pwd"), "/\n")
		spec := newSpec(t, "pwd")
		must(t, os.MkdirAll(in(spec, "a/b"), 0o755))
		must(t, os.Symlink("/a", in(spec, "l")))
		spec.Cwd = "/a/b"
		prints(t, spec, "/a/b\n")
	})
	t.Run("ids", func(t *testing.T) {
		prints(t, newSpec(t, "ids"), "0 0 0 0 []\n")
		spec := newSpec(t, "ids")
		spec.UID, spec.GID, spec.Groups = 7, 8, []int{8, 9, 100}
		prints(t, spec, "7 7 8 8 [8 9 100]\n")
	})
	t.Run("host name", func(t *testing.T) {
		prints(t, newSpec(t, "host"), "shbuild\n")
		spec := newSpec(t, "host")
		spec.Hostname = "other"
		prints(t, spec, "other\n")
	})
	t.Run("PATH is searched in the root file system", func(t *testing.T) {
		spec := newSpec(t, "pwd")
		spec.Env = []string{"PATH=/nothing:/usr/bin:/bin"}
		prints(t, spec, "/\n")
		must(t, os.Symlink("prog", in(spec, "bin/again")))
		spec.Args[0] = "/bin/again"
		prints(t, spec, "/\n")
		spec.Args[0], spec.Cwd = "./again", "/bin"
		prints(t, spec, "/bin\n")
		must(t, os.WriteFile(in(spec, "script"), []byte("#!/bin/prog args\n"), 0o755))
		spec.Args = []string{"/script", "x"}
		prints(t, spec, `["/script" "x"]`+"\n")
	})
}

// What cannot be run says why, and with which status a shell would.
func TestNotRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		args   string
		status int
		err    string
		hint   string
	}{
		{"not in PATH", "nothing", 127, `exec: "nothing": executable file not found in $PATH`, "no such program"},
		{"no such file", "/nothing", 127, `exec: "/nothing": stat /nothing: no such file or directory`, "no file of this name"},
		{"not executable", "/plain", 126, `exec: "/plain": permission denied`, "chmod +x"},
		{"a folder", "/bin", 126, `exec: "/bin": is a directory`, ""},
		{"no format", "/text", 126, `exec: "/text": exec format error`, "#!"},
		{"no interpreter", "/script", 127, `exec: "/script": its interpreter is missing: no such file or directory`, "#! line"},
		{"below a file", "/plain/x", 126, `exec: "/plain/x": `, ""},
		{"dangling link", "/dangling", 127, `exec: "/dangling": `, "no file of this name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			spec := newSpec(t)
			must(t, os.WriteFile(in(spec, "plain"), []byte("text"), 0o644))
			must(t, os.WriteFile(in(spec, "text"), []byte("text"), 0o755))
			must(t, os.WriteFile(in(spec, "script"), []byte("#!/nothing\n"), 0o755))
			must(t, os.Symlink("nowhere", in(spec, "dangling")))
			spec.Args = []string{tt.args}
			o, err := try(t, spec)
			var e *sandbox.ExecError
			if !errors.As(err, &e) {
				t.Fatalf("%+v, error %v", o, err)
			}
			if e.ExitStatus() != tt.status || !strings.HasPrefix(e.Error(), tt.err) || !strings.Contains(e.Hint(), tt.hint) || tt.hint == "" && e.Hint() != "" {
				t.Errorf("status %d, error %v\nhint: %s", e.ExitStatus(), e, e.Hint())
			}
			if o.out != "" || o.err != "" {
				t.Errorf("printed %q, %q", o.out, o.err)
			}
			untouched(t, spec, "bin dangling plain script text")
		})
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	spec := newSpec(t)
	spec.Args = nil
	if _, err := try(t, spec); err == nil || err.Error() != "no program to run" {
		t.Errorf("no arguments: %v", err)
	}
	spec = newSpec(t, "true")
	spec.Rootfs = filepath.Join(spec.Rootfs, "nothing")
	if _, err := try(t, spec); err == nil || !strings.HasPrefix(err.Error(), "find the root file system: ") {
		t.Errorf("no root: %v", err)
	}
	spec = newSpec(t, "true")
	spec.Cwd = "/bin/prog"
	if _, err := try(t, spec); err == nil {
		t.Error("a file as working directory: no error")
	}
	untouched(t, spec, "bin")
}

// The end of the context kills everything that runs, daemons in sessions of their own too.
func TestCancel(t *testing.T) {
	t.Parallel()
	spec := newSpec(t, "daemon", t.Name(), "stay")
	ctx, cancel := context.WithCancelCause(t.Context())
	spec.Stdout = writer(func([]byte) { cancel(errors.New("enough")) }) // when it is ready
	start := time.Now()
	_, err := containers.Run(ctx, spec)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	checkGone(t, t.Name())
	untouched(t, spec, "bin")
	if _, err := containers.Run(ctx, spec); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// Processes that are left when the program ends are ended, and their output is not waited for.
func TestDaemons(t *testing.T) {
	t.Parallel()
	prints(t, newSpec(t, "daemon", t.Name()), "ready\n")
	checkGone(t, t.Name())
}

// checkGone looks for processes with a word among their arguments; those of containers are seen from here.
func checkGone(t *testing.T, word string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no processes are seen")
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), "hold\x00"+word) {
			t.Errorf("%s still runs: %q", f, text)
		}
	}
}

// memory is a Spec with a limit, where this process can set one; else the test is skipped, but not where
// scripts/as-test-user has given a cgroup.
func memory(t *testing.T, mb int, args ...string) sandbox.Spec {
	t.Helper()
	spec := newSpec(t, args...)
	spec.Memory = int64(mb) << 20
	g, err := cgroup.New(spec.Memory)
	if err == nil {
		must(t, g.Close())
		return spec
	}
	if os.Getenv("SHBUILD_TEST_CGROUP") != "" {
		t.Fatal(err)
	}
	t.Skip("no cgroup here:", err)
	return spec
}

// A limit of memory is kept to, and a program that wants more is killed.
func TestMemory(t *testing.T) {
	t.Parallel()
	spec := memory(t, 64, "eat", "200")
	o := run(t, spec)
	if !o.OOM || o.Status != 137 || o.Signal != "SIGKILL" || o.Peak < 60<<20 || o.Peak > 65<<20 {
		t.Errorf("%+v", o.Result)
	}
	clean(t, spec, "bin")
	spec.Args = []string{"prog", "eat", "16"}
	if o := run(t, spec); o.OOM || o.out != "ate 16\n" || o.Peak < 16<<20 || o.Peak > 64<<20 {
		t.Errorf("within the limit: %+v", o)
	}
}

// A process that is killed need not be the program.
func TestMemoryOfChild(t *testing.T) {
	t.Parallel()
	if o := run(t, memory(t, 64, "eat-in-child", "200")); !o.OOM || o.Status != 0 || o.out != "signal: killed\n" {
		t.Errorf("%+v", o)
	}
}

// With a limit that leaves no room for a program, none is started.
func TestMemoryTooLittle(t *testing.T) {
	t.Parallel()
	spec := memory(t, 64, "true")
	spec.Memory = 4 << 10
	_, err := try(t, spec)
	var e *sandbox.MemoryError
	if !errors.As(err, &e) || e.Error() != "limit the memory: 4KiB are too little for a program to start" {
		t.Errorf("%v", err)
	}
	untouched(t, spec, "bin")
}

// Without a cgroup nothing runs.
func TestMemoryRefused(t *testing.T) {
	t.Parallel()
	refusing := sandbox.New(runner.Program(), func(int64) (sandbox.Group, error) { return nil, errors.New("not here") })
	spec := newSpec(t, "eat", "1")
	spec.Memory = 64 << 20
	_, err := refusing.Run(t.Context(), spec)
	var e *sandbox.MemoryError
	if !errors.As(err, &e) || e.Error() != "limit the memory: not here" || !strings.Contains(e.Hint(), "systemd-run") {
		t.Errorf("%v", err)
	}
	untouched(t, spec, "bin")
}
