package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/userns"
)

// asAnother names the variable that gives every container of the tests another root; anotherRoot is their id here.
const (
	asAnother   = "SHBUILD_SANDBOX_TEST_ROOT"
	anotherRoot = 7
)

// withRoot gives a Spec another root.
func withRoot(t testing.TB, spec *sandbox.Spec) {
	t.Helper()
	host, err := userns.Host(anotherRoot)
	must(t, err)
	spec.Root, err = userns.RootOf(host)
	must(t, err)
	handOver(t, spec.Rootfs)
}

// handOver gives the other root what is root's.
func handOver(t testing.TB, rootfs string) {
	t.Helper()
	must(t, filepath.WalkDir(rootfs, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil || st.Uid != 0 {
			return err
		}
		return os.Lchown(path, anotherRoot, anotherRoot)
	}))
}

// TestAnotherRoot runs the tests of Run once more, with another root in the containers.
func TestAnotherRoot(t *testing.T) {
	if os.Getenv(asAnother) != "" {
		t.Skip("it is one of them")
	}
	t.Parallel()
	// Not those that make files in the root file system themselves, in their own name.
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run", "^Test(NoNetwork|Hosts|Limits|Insecure|Grace|Capabilities|Seccomp|"+
		"Namespaces|Dev|MaskedPaths|Status|Output|OutputIsWhole|OutputFails|Stdin|OpenStdout|Process|Cancel|Daemons|TerminalSize)$")
	cmd.Env = append(os.Environ(), asAnother+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Count(out, []byte("\n--- PASS: ")) < 20 {
		t.Errorf("%v\n%s", err, out)
	}
}

// Another root is root in the container, and their user outside; the caller is nobody there.
func TestAnotherRootIs(t *testing.T) {
	t.Parallel()
	spec := newSpec(t, "ids")
	withRoot(t, &spec)
	prints(t, spec, "0 0 0 0 []\n")

	spec.Args = []string{"prog", "write", "/made", "x"}
	prints(t, spec, "")
	info, err := os.Stat(in(spec, "made"))
	must(t, err)
	if st := info.Sys().(*syscall.Stat_t); st.Uid != anotherRoot || st.Gid != anotherRoot {
		t.Errorf("what it makes belongs to %d:%d here", st.Uid, st.Gid)
	}

	// Not even as root can it open what the caller alone may.
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("x"), 0o600))
	spec.Mounts = []sandbox.Mount{{Source: secret, Target: "/secret"}}
	spec.Args = []string{"prog", "stat", "/secret"}
	prints(t, spec, "/secret 100600 65534:65534 0:0\n")
	spec.Args = []string{"prog", "cat", "/secret"}
	if o := run(t, spec); o.Status == 0 || !strings.Contains(o.err, "permission denied") {
		t.Errorf("the caller's file: %+v", o)
	}
}

// The state folder may be one that nobody else can enter.
func TestAnotherRootHidden(t *testing.T) {
	t.Parallel()
	spec := newSpec(t, "true")
	withRoot(t, &spec)
	hidden := t.TempDir()
	must(t, os.Chmod(hidden, 0o700))
	inside := filepath.Join(hidden, "rootfs")
	must(t, os.Rename(spec.Rootfs, inside))
	spec.Rootfs = inside
	prints(t, spec, "")
}

// Another root's program can be limited too.
func TestAnotherRootMemory(t *testing.T) {
	t.Parallel()
	spec := memory(t, 64, "eat", "200")
	withRoot(t, &spec)
	if o, err := try(t, spec); err != nil || !o.OOM || o.Status != 137 {
		t.Errorf("%+v, %v", o.Result, err)
	}
}

// A program that is not there is told as it is elsewhere.
func TestAnotherRootMissing(t *testing.T) {
	t.Parallel()
	spec := newSpec(t, "true")
	withRoot(t, &spec)
	spec.Args = []string{"nowhere"}
	_, err := try(t, spec)
	var missing *sandbox.ExecError
	if !errors.As(err, &missing) || missing.ExitStatus() != 127 {
		t.Errorf("%v", err)
	}
	spec.Rootfs = filepath.Join(spec.Rootfs, "none")
	if _, err := containers.Run(t.Context(), spec); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("find the root file system: open %s: no such file", spec.Rootfs)) {
		t.Errorf("%v", err)
	}
}
