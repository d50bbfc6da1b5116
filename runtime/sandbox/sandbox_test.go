package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shbuild/shbuild/runtime/cgroup"
	"github.com/shbuild/shbuild/runtime/runner"
	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/userns"
)

func TestMain(m *testing.M) {
	os.Exit(userns.Main(func() int {
		status := m.Run()
		defer os.RemoveAll(states())
		if err := containers.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return status
	}))
}

// containers makes all of the tests' containers.
var containers = sandbox.New(runner.Program(), cgroup.New)

// states is the folder of all containers' state: what is made ready in one test is used in another.
var states = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "shbuild-states")
	if err != nil {
		panic(err)
	}
	return dir
})

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
	must(t, os.Chmod(root, 0o755))
	state, err := os.MkdirTemp(states(), "")
	must(t, err)
	must(t, os.MkdirAll(filepath.Join(root, "bin"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "bin/prog"), prog, 0o755))
	spec := sandbox.Spec{
		ID:       fmt.Sprint("t", runs.Add(1)),
		Rootfs:   root,
		StateDir: state,
		Env:      []string{"PATH=/bin"},
		Args:     append([]string{"prog"}, args...),
		More:     true, // so that some of the tests have a container that waited for them
	}
	if os.Getenv(asAnother) != "" {
		withRoot(t, &spec)
	}
	return spec
}

var runs atomic.Int64

// outcome is what a run gave.
type outcome struct {
	sandbox.Result
	out, err string
}

// run runs a program that can be run.
func run(t testing.TB, spec sandbox.Spec) outcome {
	t.Helper()
	o, err := try(t, spec)
	if err != nil {
		var h interface{ Hint() string }
		if errors.As(err, &h) {
			err = fmt.Errorf("%w\nhint: %s", err, h.Hint())
		}
		t.Fatal(err)
	}
	return o
}

func try(t testing.TB, spec sandbox.Spec) (outcome, error) {
	t.Helper()
	var out, errs bytes.Buffer
	if spec.Stdout == nil {
		spec.Stdout = &out
	}
	if spec.Stderr == nil {
		spec.Stderr = &errs
	}
	if spec.Root != nil {
		handOver(t, spec.Rootfs)
	}
	result, err := containers.Run(t.Context(), spec)
	return outcome{result, out.String(), errs.String()}, err
}

// prints sees that a program succeeds and prints just that.
func prints(t testing.TB, spec sandbox.Spec, want string) {
	t.Helper()
	o := run(t, spec)
	if o.Status != 0 || o.err != "" {
		t.Errorf("%q: status %d, standard error %q", spec.Args, o.Status, o.err)
	}
	if diff := cmp.Diff(want, o.out); diff != "" {
		t.Errorf("%q (-want +got):\n%s", spec.Args, diff)
	}
}

// in makes paths in the root file system.
func in(spec sandbox.Spec, name string) string { return filepath.Join(spec.Rootfs, name) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkRun(b *testing.B) {
	spec := newSpec(b, "true")
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := containers.Run(b.Context(), spec); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
}
