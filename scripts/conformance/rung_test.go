package conformance

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// rung is the rung of isolation that shbuild builds the cases on, by CONFORMANCE_ISOLATION; empty: the best.
type rung struct {
	name    string
	differs []difference
}

// difference is why cases whose names match a pattern give another image on a rung.
type difference struct{ pattern, reason string }

// newRung reads the differences of the rung.
func newRung(t *testing.T) rung {
	r := rung{name: os.Getenv("CONFORMANCE_ISOLATION")}
	if r.name != "" {
		r.differs = readRungs(t)[r.name]
	}
	return r
}

// readRungs reads the file `rungs`: lines "RUNG PATTERN REASON".
func readRungs(t *testing.T) map[string][]difference {
	t.Helper()
	text, err := os.ReadFile("rungs")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]difference{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if len(words) < 3 {
			t.Fatalf("rungs: %q is not RUNG PATTERN REASON", line)
		}
		all[words[0]] = append(all[words[0]], difference{words[1], strings.Join(words[2:], " ")})
	}
	return all
}

// TestRungs: the file `rungs` tells of rungs and cases that there are, of each case once.
func TestRungs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for name, differs := range readRungs(t) {
		if name != "one-id" && name != "chroot" {
			t.Errorf("there is no rung %s to build on", name)
		}
		told := map[string]string{}
		for _, d := range differs {
			matched := false
			for _, f := range files {
				c := strings.TrimSuffix(filepath.Base(f), ".txtar")
				if ok, err := path.Match(d.pattern, c); err != nil {
					t.Errorf("%s: %v", d.pattern, err)
				} else if ok {
					matched = true
					if other := told[c]; other != "" {
						t.Errorf("%s %s: both %s and %s tell of it", name, c, other, d.pattern)
					}
					told[c] = d.pattern
				}
			}
			if !matched {
				t.Errorf("%s %s: there is no such case", name, d.pattern)
			}
		}
	}
}

// reason is why a case differs on the rung; empty: it must not.
func (r rung) reason(name string) string {
	for _, d := range r.differs {
		if ok, err := path.Match(d.pattern, name); ok && err == nil {
			return d.reason
		}
	}
	return ""
}

// checkDifference sees that a case which is said to differ on the rung does so, or else that nobody need be told.
func (r rung) checkDifference(t *testing.T, reason, got, want string) {
	t.Helper()
	if same(got, want) {
		t.Errorf("on the rung %s it is as it should be, and the file `rungs` says: %s", r.name, reason)
		return
	}
	t.Logf("differs on the rung %s: %s", r.name, reason)
}
