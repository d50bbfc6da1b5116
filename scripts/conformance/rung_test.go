package conformance

import (
	"bufio"
	"os"
	"path"
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

// newRung reads the differences of the rung from the file `rungs`: lines "RUNG PATTERN REASON".
func newRung(t *testing.T) rung {
	r := rung{name: os.Getenv("CONFORMANCE_ISOLATION")}
	if r.name == "" {
		return r
	}
	f, err := os.Open("rungs")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if len(words) < 3 {
			t.Fatalf("rungs: %q is not RUNG PATTERN REASON", lines.Text())
		}
		if words[0] == r.name {
			r.differs = append(r.differs, difference{words[1], strings.Join(words[2:], " ")})
		}
	}
	return r
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
	if same := !strings.HasPrefix(got, refused) && got == want; same {
		t.Errorf("on the rung %s it is as it should be, and the file `rungs` says: %s", r.name, reason)
		return
	}
	t.Logf("differs on the rung %s: %s", r.name, reason)
}
