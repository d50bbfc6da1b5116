package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// openTerminal opens a pseudo-terminal: the end that a user has before them, and the one that a program has.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

func resize(t *testing.T, f *os.File, rows, columns uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

// TestTerminalSize sees that the process's terminal has the size of ours, also when that changes.
func TestTerminalSize(t *testing.T) {
	master, slave := openTerminal(t)
	resize(t, master, 33, 101)
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	spec := newSpec(t, "size")
	r, w := io.Pipe()
	spec.Terminal = &sandbox.Terminal{In: slave, Out: w}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := containers.Run(ctx, spec)
		w.Close()
		done <- err
	}()
	said := &bytes.Buffer{}
	expect := func(text string) {
		buf := make([]byte, 100)
		for !strings.Contains(said.String(), text) {
			n, err := r.Read(buf)
			if err != nil {
				t.Fatalf("%v instead of %q: %s", err, text, said)
			}
			said.Write(buf[:n])
		}
	}
	expect("33 rows, 101 columns\r\n")
	resize(t, master, 44, 77)
	// The kernel would tell the session that the terminal controls; this process is not in it.
	if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	expect("44 rows, 77 columns\r\n")
	cancel()
	go io.Copy(io.Discard, r)
	if err := <-done; err != context.Canceled {
		t.Errorf("the run ended with %v", err)
	}
	after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if *after != *before {
		t.Errorf("the terminal is left in another state: %+v, not %+v", after, before)
	}
}

// TestTerminalFakeConsole: CVE-2025-52565. A terminal is put where /dev/console is, not where a link of that name leads.
func TestTerminalFakeConsole(t *testing.T) {
	_, slave := openTerminal(t)
	dev := t.TempDir()
	must(t, os.Symlink("/target", filepath.Join(dev, "console")))
	spec := newSpec(t, "cat", "/proc/self/mountinfo")
	must(t, os.WriteFile(in(spec, "target"), []byte("x"), 0o644))
	spec.Mounts = []sandbox.Mount{{Source: dev, Target: "/dev"}}
	var out bytes.Buffer
	spec.Terminal = &sandbox.Terminal{In: slave, Out: &out}
	_, err := containers.Run(t.Context(), spec)
	if strings.Contains(out.String(), " /target ") {
		t.Errorf("something is mounted on the target of the link, %v:\n%s", err, &out)
	}
	if err == nil && !strings.Contains(out.String(), " /proc ") {
		t.Errorf("it printed %q", &out)
	}
	if text, rerr := os.ReadFile(in(spec, "target")); rerr != nil || string(text) != "x" {
		t.Errorf("the target holds %q, %v", text, rerr)
	}
}
