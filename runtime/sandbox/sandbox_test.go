package sandbox_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/userns"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(userns.Main(m.Run))
}

// bench is a root file system with one program in it, /bin/prog (testdata/prog), and a state folder.
func newRoot(t testing.TB) sandbox.Spec {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(root, "bin/prog"), "./testdata/prog")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return sandbox.Spec{ID: "c1", Rootfs: root, StateDir: t.TempDir(), Env: []string{"PATH=/bin"}}
}

func TestRun(t *testing.T) {
	spec := newRoot(t)
	var out, err2 bytes.Buffer
	spec.Stdout, spec.Stderr = &out, &err2
	spec.Args = []string{"prog", "cat", "/proc/self/status"}
	r, err := sandbox.Run(t.Context(), spec)
	fmt.Println(r, err, out.String(), err2.String())
	for _, l := range strings.Split(out.String(), "\n") {
		_ = l
	}
}
