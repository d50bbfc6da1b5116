package userns_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// TestAlone enters with one id: the caller is root, and there is nobody else.
func TestAlone(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{
		"alone": "true true one id 0 a word with | in it\n",
		"bare":  "true false " + userns.Mode() + " 0 a word with | in it\n",
	} {
		cmd := command("word " + how)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != want {
			t.Errorf("%s: printed %q, want %q", how, got, want)
		}
	}
}

// TestTry finds out whether entering would do.
func TestTry(t *testing.T) {
	t.Parallel()
	for _, o := range []userns.Options{{Root: -1}, {Root: -1, Alone: true}} {
		if own, err := userns.Try(o); err != nil || !own {
			t.Errorf("%+v: own /proc %t, error %v", o, own, err)
		}
	}
	// (uid_t)-1 is no user, so that it is not even root's.
	if _, err := userns.Try(userns.Options{Root: 1<<32 - 1}); err == nil || !strings.Contains(err.Error(), "not yours") {
		t.Errorf("with a root that is not the caller's to use: %v", err)
	}
}

// hidden is a command in a place where a part of /proc is hidden, as in a container.
func hidden(t *testing.T, what string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("unshare (util-linux) hides a part of /proc for this test, and is not there")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "sh", "-c", `mount -t tmpfs tmpfs /proc/irq && exec "$0"`, self)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", helper + "=" + what}
	return cmd
}

// TestOuterProc enters where the kernel gives no other /proc: the outer one stays, and orphans are collected and
// ended all the same.
func TestOuterProc(t *testing.T) {
	t.Parallel()
	if out, err := hidden(t, "orphans alone").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := command("orphans bare").CombinedOutput(); err != nil {
		t.Errorf("bare: %v\n%s", err, out)
	}
}

// TestKillShared is TestKill without a PID namespace: whichever of the two processes is killed.
func TestKillShared(t *testing.T) {
	t.Parallel()
	for i, make := range []func() *exec.Cmd{
		func() *exec.Cmd { return hidden(t, "daemon alone") }, func() *exec.Cmd { return command("daemon bare") },
	} {
		for _, inner := range []bool{false, true} {
			name := fmt.Sprintf("4242%d%t", i, inner)
			cmd := make()
			cmd.Env = append(cmd.Env, sleeper+"="+fmt.Sprint(424242+2*i))
			begin(t, cmd)
			seconds := fmt.Sprint(424242 + 2*i)
			eventually(t, "the daemon runs", func() bool { return len(sleeping(t, seconds)) > 0 })
			victim := cmd.Process.Pid
			if inner {
				victim = child(t, victim)
			}
			if err := unix.Kill(victim, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			eventually(t, name+": nothing is left", func() bool { return len(sleeping(t, seconds)) == 0 })
		}
	}
}

// child is the one child of a process.
func child(t *testing.T, pid int) int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if word := strings.TrimSpace(string(text)); err == nil && word != "" {
			n, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("the process has no child")
	return 0
}
