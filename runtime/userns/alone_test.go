package userns_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/shbuild/shbuild/runtime/userns"
)

// TestAlone enters with one id: the caller is root, and there is nobody else.
func TestAlone(t *testing.T) {
	t.Parallel()
	cmd := command("show alone")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "true one id 0 a word with | in it\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
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
	if _, err := userns.Try(userns.Options{Root: 1 << 30}); err == nil || !strings.Contains(err.Error(), "not yours") {
		t.Errorf("with a root that is not the caller's to use: %v", err)
	}
}

// TestOuterProc enters where parts of /proc are hidden, as in a container: the outer /proc stays, and orphans are
// collected all the same.
func TestOuterProc(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("unshare (util-linux) hides a part of /proc for this test, and is not there")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "sh", "-c", `mount -t tmpfs tmpfs /proc/irq && exec "$0"`, self)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", helper + "=orphans alone"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
