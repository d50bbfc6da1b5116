package interp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// witness is a ledger that notes how each RUN was called.
type witness struct {
	*ledger
	mu   sync.Mutex
	seen []string
}

func (w *witness) Do(ctx context.Context, stage Stage, c *Call) (Stage, error) {
	if c.Keyword == "RUN" || c.Keyword == "EXEC" {
		var how []string
		if c.Probe {
			how = append(how, "probe")
		}
		if c.Stdout != nil {
			how = append(how, "read")
		}
		if c.Stdin != nil {
			data, err := io.ReadAll(c.Stdin)
			if err != nil {
				return nil, err
			}
			how = append(how, fmt.Sprintf("fed %q", data))
			c.Stdin = bytes.NewReader(data)
		}
		if c.Shell != "" {
			how = append(how, "in a subshell")
		}
		w.mu.Lock()
		w.seen = append(w.seen, strings.Join(append([]string{c.Text}, how...), "; "))
		w.mu.Unlock()
	}
	return w.ledger.Do(ctx, stage, c)
}

// Where an instruction's input comes from, where its output goes, and who asks for its
// status.
func TestCalls(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script string
		seen         []string
	}{
		{"on a line of its own", "RUN x", []string{"RUN x"}},
		{"in a condition", "if RUN fail 1; then :; elif ! RUN fail 2; then RUN x; fi", []string{"RUN fail 1; probe", "RUN fail 2; probe", "RUN x"}},
		{"where a failure is no answer that lasts", "while RUN fail 1; do :; done\n{ RUN fail 2; } || true\n! RUN fail 3",
			[]string{"RUN fail 1", "RUN fail 2", "RUN fail 3"}},
		{"in a substitution", "x=$(RUN print a)", []string{"RUN print a; read; in a subshell"}},
		{"after a pipe", "echo data | RUN x", []string{`RUN x; fed "data\n"`}},
		{"before a pipe", "{ RUN print a; } | while read -r x; do :; done", []string{"RUN print a; read; in a subshell"}},
		{"between pipes", "x=$(echo 1 | RUN input | cat\necho 2)", []string{"RUN input | cat; read; fed \"1\\n\"; in a subshell"}},
		{"within a block after a pipe", "echo 1 | { read -r x; RUN x; }", []string{"RUN x"}},
		{"with the script's output elsewhere", "{ RUN print a; } > /dev/null\n{ RUN print b; } >&2", []string{"RUN print a; read", "RUN print b"}},
		{"in a subshell, a job, a function", "(RUN a)\n{ RUN b\n} &\nwait\nf() { RUN c; }\nf", []string{"RUN a; in a subshell", "RUN b; in a subshell", "RUN c"}},
		{"by words", "\"$@\" || true\nretry() { \"$@\"; }\nif retry RUN a 'b  c'; then :; fi\nr=EXEC; $r x", []string{"RUN a b  c", "EXEC x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &witness{ledger: &ledger{}}
			got := play(t, "FROM a\n"+tt.script+"\n", Options{Builder: w, Args: []string{"true"}})
			if got.err != nil {
				t.Errorf("error: %v", got.err)
			}
			if diff := cmp.Diff(tt.seen, w.seen); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
