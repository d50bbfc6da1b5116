package userns_test

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// helper names the variable that makes this program a small one that enters for one thing only.
const helper = "SHBUILD_USERNS_TEST"

// sleeper names the variable with how many seconds the daemon sleeps, by which it is found.
const sleeper = "SHBUILD_USERNS_TEST_SLEEP"

func TestMain(m *testing.M) {
	f := m.Run
	what := os.Getenv(helper)
	if what != "" {
		f = func() int { return help(what) }
	}
	_, how, chosen := strings.Cut(what, " ")
	if chosen {
		o := userns.Options{Root: -1, Alone: how == "alone", Bare: how == "bare", Word: "a word with | in it"}
		status, err := userns.EnterWith(o, f)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		os.Exit(status)
	}
	os.Exit(userns.Main(f))
}

// help is what runs inside.
func help(what string) int {
	what, how, _ := strings.Cut(what, " ")
	switch what {
	case "exit":
		return 42
	case "panic":
		panic("on purpose")
	case "show":
		text, err := io.ReadAll(os.Stdin)
		fmt.Printf("%t %d %d %q %q %v\n", userns.Inside(), os.Getpid(), os.Geteuid(), text, os.Environ(), err)
		fmt.Fprintln(os.Stderr, "to standard error")
	case "wait":
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "daemon": // a process of a session of its own, whose parent ends
		out, err := exec.Command("sh", "-c", "setsid sleep "+cmp.Or(os.Getenv(sleeper), "987654")+" >/dev/null 2>&1 & echo ready").Output()
		fmt.Println(string(bytes.TrimSpace(out)), err)
		time.Sleep(time.Hour)
	case "orphans":
		if how != "" && userns.OwnProc() {
			fmt.Println("/proc is the PID namespace's own")
			return 1
		}
		return orphans()
	case "word":
		fmt.Println(userns.Inside(), userns.OwnProc(), userns.Mode(), os.Geteuid(), userns.Word())
	}
	return 0
}

// orphans makes processes whose parents end first, and looks for zombies; a child of its own gives its status.
func orphans() int {
	for range 20 {
		if err := exec.Command("sh", "-c", "(sleep 0.05; exit 3) & exit 0").Run(); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	err := exec.Command("sh", "-c", "sleep 0.2; exit 7").Run()
	var e *exec.ExitError
	if !errors.As(err, &e) || e.ExitCode() != 7 {
		fmt.Println("the child's status was lost:", err)
		return 1
	}
	// A machine that has much to do ends them, and collects them, when it comes to it.
	zombie := ""
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		if zombie = zombieOfOurs(); zombie == "" {
			return 0
		}
	}
	fmt.Printf("a zombie: %s", zombie)
	return 1
}

// zombieOfOurs finds a child of this process that has ended and was not collected. There may be others', since /proc may be
// that of the whole machine.
func zombieOfOurs() string {
	self, _ := os.Readlink("/proc/self") // the number that /proc has for us
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), ") Z "+self+" ") {
			return string(text)
		}
	}
	return ""
}

func command(what string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{"A=1", "PATH=/usr/bin:/bin", helper + "=" + what}
	return cmd
}

func TestEnter(t *testing.T) {
	t.Parallel()
	if !userns.Inside() || os.Getpid() != 1 || os.Geteuid() != 0 {
		t.Errorf("Inside() = %t, pid %d, uid %d", userns.Inside(), os.Getpid(), os.Geteuid())
	}
	if mode := userns.Mode(); mode != "every id" && !strings.HasSuffix(mode, " sub-ids") {
		t.Errorf("Mode() = %q", mode)
	}
}

// The streams and the environment are those of the outer process.
func TestStreams(t *testing.T) {
	t.Parallel()
	cmd := command("show")
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("typed"), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), fmt.Sprintf("true 1 0 %q %q <nil>\n", "typed", cmd.Env); got != want {
		t.Errorf("printed %s\nwant %s", got, want)
	}
	if errs.String() != "to standard error\n" {
		t.Errorf("standard error %q", errs.String())
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for what, want := range map[string]int{"exit": 42, "show": 0, "panic": 2, "orphans": 0} {
		out, err := command(what).Output()
		var e *exec.ExitError
		status := 0
		if errors.As(err, &e) {
			status = e.ExitCode()
		} else if err != nil {
			t.Error(err)
		}
		if status != want {
			t.Errorf("%s: status %d, want %d: %s", what, status, want, out)
		}
	}
}

// ready starts the program for something and waits for its first line.
func ready(t *testing.T, what string) *exec.Cmd {
	t.Helper()
	cmd := command(what)
	begin(t, cmd)
	return cmd
}

// begin starts a command and waits for its first line.
func begin(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "ready") {
		t.Fatalf("%q, %v", line, err)
	}
}

// A signal to the outer process reaches the inner one, and comes out as a shell would tell it.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, s := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		cmd := ready(t, "wait")
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		var e *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &e) || e.ExitCode() != 128+int(s) {
			t.Errorf("%v: %v", s, err)
		}
	}
}

// Nothing that was started inside outlives the outer process, whatever way that ends.
func TestKill(t *testing.T) {
	t.Parallel()
	for _, s := range []unix.Signal{unix.SIGKILL, unix.SIGTERM} {
		cmd := ready(t, "daemon")
		eventually(t, "the daemon runs", func() bool { return len(sleepers(t)) > 0 })
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		eventually(t, fmt.Sprintf("after %v nothing is left", s), func() bool { return len(sleepers(t)) == 0 })
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// sleepers are the processes of the daemon; those of inner namespaces are seen from here.
func sleepers(t *testing.T) (pids []int) { return sleeping(t, "987654") }

func sleeping(t *testing.T, seconds string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && string(text) == "sleep\x00"+seconds+"\x00" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, pid)
		}
	}
	return pids
}
