package sandbox_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// A container without a network has a namespace of its own with nothing but lo in it, and a /sys that says so.
func TestNoNetwork(t *testing.T) {
	t.Parallel()
	spec := newSpec(t, "link", "/proc/self/ns/net")
	spec.NoNetwork = true
	outer, err := os.Readlink("/proc/self/ns/net")
	must(t, err)
	if inner := strings.TrimSpace(run(t, spec).out); inner == outer || inner == "" {
		t.Errorf("network namespace %q", inner)
	}
	spec.Args = []string{"prog", "cat", "/proc/net/dev"}
	if out := run(t, spec).out; strings.Count(out, ":") != 1 || !strings.Contains(out, "lo:") {
		t.Errorf("interfaces: %s", out)
	}
	spec.Args = []string{"prog", "ls", "/sys/class/net"}
	prints(t, spec, "lo\n")
	spec.Args = []string{"prog", "cat", "/proc/net/fib_trie"}
	if out := run(t, spec).out; !strings.Contains(out, "127.0.0.1") {
		t.Errorf("lo is down: %s", out)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	spec := newSpec(t, "cat", "/etc/hosts")
	spec.Hosts = []string{"10.1.2.3\tdb"}
	prints(t, spec, "127.0.0.1\tlocalhost shbuild\n::1\tlocalhost ip6-localhost ip6-loopback\n10.1.2.3\tdb\n")
}

func TestLimits(t *testing.T) {
	t.Parallel()
	spec := newSpec(t, "cat", "/proc/self/limits")
	spec.Limits = []sandbox.Limit{{Name: "core", Resource: unix.RLIMIT_CORE, Soft: 100, Hard: 200}}
	if out := strings.Join(strings.Fields(run(t, spec).out), " "); !strings.Contains(out, "Max core file size 100 200 bytes") {
		t.Errorf("limits: %s", out)
	}
	var own unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &own))
	spec.Limits[0] = sandbox.Limit{Name: "nofile", Resource: unix.RLIMIT_NOFILE, Hard: own.Max + 1}
	var above *sandbox.LimitError
	if _, err := try(t, spec); !errors.As(err, &above) || above.Hint() == "" {
		t.Errorf("a limit above our own: %v", err)
	}
}

// An insecure container has all that the test itself can give, and no filter.
func TestInsecure(t *testing.T) {
	t.Parallel()
	for _, uid := range []int{0, 7} {
		spec := newSpec(t, "cat", "/proc/self/status")
		spec.Insecure, spec.UID = true, uid
		status := run(t, spec).out
		sets := map[string]bool{}
		for line := range strings.Lines(status) {
			if name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t"); strings.HasPrefix(name, "Cap") {
				sets[value] = true
			}
		}
		if len(sets) != 1 || sets["0000000000000000"] {
			t.Errorf("user %d: capabilities %v", uid, sets)
		}
		if !strings.Contains(status, "\nSeccomp:\t0\n") || !strings.Contains(status, "\nNoNewPrivs:\t0\n") {
			t.Errorf("user %d: %s", uid, status)
		}
		spec.Args = []string{"prog", "cat", "/proc/self/mountinfo"}
		if out := run(t, spec).out; strings.Contains(out, " /proc/") {
			t.Errorf("user %d: hidden paths: %s", uid, out)
		}
	}
}

// A program that handles SIGTERM has the time of Grace to end; one that does not end then, or has no handler, is
// killed.
func TestGrace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		how      string
		grace    time.Duration
		out      string
		min, max time.Duration
	}{
		{"ends", time.Minute, "ready\nended\n", 0, 10 * time.Second},
		{"stays", 500 * time.Millisecond, "ready\nended\n", 500 * time.Millisecond, 10 * time.Second},
		{"deaf", time.Minute, "ready\n", 0, 10 * time.Second},
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Parallel()
			spec := newSpec(t, "term", c.how)
			spec.Grace = c.grace
			ctx, cancel := context.WithCancel(t.Context())
			var out strings.Builder
			var asked time.Time
			spec.Stdout = writer(func(p []byte) {
				out.Write(p)
				if asked.IsZero() {
					asked = time.Now()
					cancel()
				}
			})
			if _, err := containers.Run(ctx, spec); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(asked); took < c.min || took > c.max {
				t.Errorf("it took %v", took)
			}
			if out.String() != c.out {
				t.Errorf("it wrote %q", out.String())
			}
			untouched(t, spec, "bin")
		})
	}
}
