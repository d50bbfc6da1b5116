package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shbuild/shbuild/runtime/doctor"
)

// TestDoctorChangesNothing: no file, mount or process is there afterwards that was not before, whichever rung there is.
func TestDoctorChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, false)
	check(t, os.Remove(p.state)) // it is not made
	files, mounts := listing(t, p.dir), read(t, "/proc/self/mountinfo")
	for _, rung := range []string{"auto", "full", "one-id", "chroot", "none"} {
		cmd := p.command(p.program, "doctor", "--json", "--isolation", rung)
		mark := "SHBUILD_DOCTOR_TEST=" + p.dir + "/" + rung
		cmd.Env = append(cmd.Env, mark)
		out, err := cmd.Output()
		var d doctor.Diagnosis
		check(t, json.Unmarshal(out, &d))
		if d.RUN != (err == nil) {
			t.Errorf("%s: run %t, %v", rung, d.RUN, err)
		}
		if diff := cmp.Diff(files, listing(t, p.dir)); diff != "" {
			t.Errorf("%s: files (-before +after):\n%s", rung, diff)
		}
		if diff := cmp.Diff(mounts, read(t, "/proc/self/mountinfo")); diff != "" {
			t.Errorf("%s: mounts (-before +after):\n%s", rung, diff)
		}
		if left := withVariable(t, mark); len(left) > 0 {
			t.Errorf("%s: processes are left: %q", rung, left)
		}
	}
}

// TestDoctorWritesNothing: not even for a moment, but for two folders of a tmpfs of its own. It takes no more than one
// process more than a build, and each trial's.
func TestDoctorWritesNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true)
	c := p.run(t, "doctor")
	c.none(t, "renameat", "renameat2", "unlinkat", "fsync", "fdatasync", "unshare", "setns")
	if n := c.counts["mkdirat"]; n != 2 {
		t.Errorf("%d folders were made: %s", n, c)
	}
	atMost(t, "of the state folder", c.in(p.state), 0)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	return string(text)
}

// withVariable are the command lines of the processes that have a variable.
func withVariable(t *testing.T, variable string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	check(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text)+"\x00", variable+"\x00") {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// TestDoctorSeesThem holds the search for processes true.
func TestDoctorSeesThem(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "60")
	cmd.Env = []string{"SHBUILD_DOCTOR_TEST=" + t.TempDir()}
	check(t, cmd.Start())
	defer func() {
		check(t, cmd.Process.Kill())
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) {
			t.Error(err)
		}
	}()
	for len(withVariable(t, cmd.Env[0])) == 0 { // it takes a moment until it is sleep
		if t.Context().Err() != nil {
			t.Fatal("it is not found")
		}
	}
}
