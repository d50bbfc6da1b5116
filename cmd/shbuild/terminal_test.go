package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A session is a command on a pseudo-terminal of its own.
type session struct {
	t             *testing.T
	cmd           *exec.Cmd
	master, slave *os.File
	said          chan string
	all           strings.Builder
	seen          int // how much of all has been expected
	dir           string
	before        *unix.Termios
}

// onTerminal starts a command, shbuild or one of its names, in a folder with the files.
func onTerminal(t *testing.T, files map[string]string, args ...string) *session {
	t.Helper()
	s := &session{t: t, said: make(chan string, 1), dir: t.TempDir()}
	t.Cleanup(func() { emptied(t, s.dir) })
	for name, text := range files {
		write(t, filepath.Join(s.dir, name), text)
	}
	s.open()
	s.resize(33, 101)
	s.before = s.termios()
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Dir = s.dir
	s.cmd.Env = append(os.Environ(), "HOME="+s.dir, "SHBUILD_ROOT="+filepath.Join(s.dir, ".state"), "TERM=xterm")
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.slave, s.slave, s.slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := s.master.Read(buf)
			if n > 0 {
				s.said <- string(buf[:n])
			}
			if err != nil {
				close(s.said)
				return
			}
		}
	}()
	return s
}

func (s *session) open() {
	s.t.Helper()
	var err error
	if s.master, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err != nil {
		s.t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(s.master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		s.t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(s.master.Fd()), unix.TIOCGPTN)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { s.slave.Close(); s.master.Close() })
}

func (s *session) resize(rows, columns uint16) {
	s.t.Helper()
	if err := unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) termios() *unix.Termios {
	s.t.Helper()
	state, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// expect waits until the text has been shown after what was expected before.
func (s *session) expect(text string) {
	s.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		if i := strings.Index(s.all.String()[s.seen:], text); i >= 0 {
			s.seen += i + len(text)
			return
		}
		select {
		case more, ok := <-s.said:
			if !ok {
				s.t.Fatalf("%q did not come:\n%s", text, s.all.String())
			}
			s.all.WriteString(more)
		case <-timeout:
			s.t.Fatalf("%q does not come:\n%s", text, s.all.String())
		}
	}
}

func (s *session) send(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end, and sees that the terminal is as it was.
func (s *session) ends(status int) {
	s.t.Helper()
	done := make(chan struct{})
	go func() {
		for more := range s.said {
			s.all.WriteString(more)
		}
		close(done)
	}()
	s.cmd.Wait()
	after := s.termios()
	s.slave.Close()
	<-done
	if got := s.cmd.ProcessState.ExitCode(); got != status {
		s.t.Errorf("exit status %d, not %d:\n%s", got, status, s.all.String())
	}
	if *after != *s.before {
		s.t.Errorf("the terminal is left in another state: %+v, not %+v", after, s.before)
	}
}

// TestDebugTerminal opens a shell in a failed container, on a real terminal.
func TestDebugTerminal(t *testing.T) {
	s := onTerminal(t, map[string]string{"Dockerfile": `FROM builtin:toybox
ENV WHO=step
WORKDIR /srv
USER user
RUN --mount=type=tmpfs,target=/scratch id -un > /tmp/half; touch /scratch/there; echo oops; exit 3
`}, "shbuild", "debug", "Dockerfile")
	s.expect("oops")
	s.expect("RUN: exit status 3")
	s.expect("the build ends when the shell does")
	s.send("echo got-$(id -un)-$WHO-$(pwd)-$(cat /tmp/half)-$TERM\n")
	s.expect("got-user-step-/srv-user-xterm")
	if s.termios().Lflag&unix.ECHO != 0 {
		s.t.Error("the terminal is not raw while the shell runs")
	}
	s.send("test -d /scratch && echo mounts-$?; test -t 0 && echo terminal-$?\n")
	s.expect("mounts-0")
	s.expect("terminal-0")
	s.send("exit\n")
	s.expect("exit status 3")
	s.ends(3)
}

// TestNsinitTerminal types for a program in a container.
func TestNsinitTerminal(t *testing.T) {
	s := onTerminal(t, nil, "sh", "-c", `dist pull -q builtin:toybox rootfs; nsinit exec --tty --create --rootfs rootfs -- sh -c "`+
		`echo ready; read x; echo got \$x; exit 4"`)
	s.expect("ready")
	s.send("word\r")
	s.expect("got word")
	s.ends(4)
}

// TestStepTerminal steps through a build on a real terminal, with a shell on the way.
func TestStepTerminal(t *testing.T) {
	s := onTerminal(t, map[string]string{"Dockerfile": "FROM builtin:toybox\nRUN echo hi > /x\nRUN rm /x\n"}, "shbuild", "--step", "Dockerfile")
	s.expect("Dockerfile:1: FROM builtin:toybox")
	s.expect("step> ")
	s.send("\r")
	s.expect("a stage on builtin:toybox: 1 layer")
	s.expect("Dockerfile:2: RUN echo hi > /x")
	s.expect("step> ")
	s.send("\r")
	s.expect("+ /x (3B)")
	s.expect("step> ")
	s.send("s\r")
	s.expect("s\r\n") // the terminal's echo
	s.send("echo saw-$(cat /x); touch /lost; exit\r")
	s.expect("saw-hi")
	s.expect("step> ")
	s.send("c\r")
	s.expect("- /x (3B)")
	s.ends(0)
}

// TestStepInterrupted ends a build by ^C while it asks.
func TestStepInterrupted(t *testing.T) {
	s := onTerminal(t, map[string]string{"Dockerfile": "FROM builtin:toybox\n"}, "shbuild", "--step", "Dockerfile")
	s.expect("step> ")
	s.send("\x03")
	s.expect("interrupted")
	s.ends(130)
}
