package sandbox_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/userns"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(userns.Main(m.Run))
}

// program builds testdata/prog, the one program of the tests' root file systems.
var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "shbuild-prog")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "prog")
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "./testdata/prog")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(file)
})

// newSpec makes a root file system with /bin/prog in it, and a state folder.
func newSpec(t testing.TB, args ...string) sandbox.Spec {
	t.Helper()
	prog, err := program()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin/prog"), prog, 0o755); err != nil {
		t.Fatal(err)
	}
	return sandbox.Spec{
		ID:       "c1",
		Rootfs:   root,
		StateDir: t.TempDir(),
		Env:      []string{"PATH=/bin"},
		Args:     append([]string{"prog"}, args...),
	}
}

func BenchmarkRun(b *testing.B) {
	spec := newSpec(b, "true")
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := sandbox.Run(b.Context(), spec); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
}
