package interp

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shbuild/shbuild/dsl/diag"
)

func TestJobs(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, script, err, stdout string }{
		{"one that fails fails the build", "(RUN fail 3) &\necho on", "build.sh:2:2: RUN: exit status 3", "on\n"},
		{"wait fails", "(RUN fail 3) &\nwait\necho on", "build.sh:2:2: RUN: exit status 3", ""},
		{"wait with a number has its status", "(RUN fail 3) &\np=$!\nwait $p || echo $?\n", "", "3\n"},
		{"wait with one's number leaves the other", "(RUN fail 3) &\np=$!\n(RUN fail 4) &\nwait $p || echo $?\n", "build.sh:4:2: RUN: exit status 4", "3\n"},
		{"a builtin that fails", "{ false; } &", "build.sh:2:3: false: exit status 1", ""},
		{"a test that fails", "[[ a = b ]] &\nwait", "build.sh:2:1: [[ a = b ]] &: exit status 1", ""},
		{"a job of a job", "( ( { true; } & ) ; ( RUN fail 5 ) & ) &", "RUN: exit status 5", ""},
		{"a job of a substitution", "x=$({ RUN fail 6\n} & )\necho on", "build.sh:2:7: RUN: exit status 6", "on\n"},
		{"two that fail", "(RUN fail 3) & (RUN fail 4) &\nwait", "exit status 3\nbuild.sh:2:17: RUN: exit status 4", ""},
		{"the others are stopped", "(RUN hang) & (RUN fail 3) &\nwait\necho on", "build.sh:2:15: RUN: exit status 3", ""},
		{"the others are stopped at the script's end", "(RUN hang) & (RUN fail 3) &", "build.sh:2:15: RUN: exit status 3", ""},
		{"a wait that is forgiven waits for all", "f() { wait; }\n{ true; } & (RUN fail 3) &\nf || echo on\nwait || echo no", "", "on\n"},
		{"one that ends itself", "{ exit 7; } &\nwait", "exit status 7", ""},
		{"one that is forgiven inside", "{ RUN fail 3\n} || true &\nwait\n(if ! RUN fail 4; then true; fi) &", "", ""},
		{"the script fails first", "(RUN hang) &\nfalse", "build.sh:3:1: false: exit status 1", ""},
		{"$? and $!", "(exit 0) || false\n! true\n(true) & echo $? $!\nwait", "", "0 g1\n"},
		{"by eval", "eval '{ false; } &'\nwait", "build.sh:2:1: false: exit status 1", ""},
		{"<() that fails", "read -r x < <(RUN fail 3) || true\necho on", "RUN: exit status 3", "on\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := play(t, "FROM a\n"+tt.script, Options{})
			if (tt.err == "") != (got.err == nil) || got.err != nil && !strings.Contains(got.err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", got.err, tt.err)
			}
			if got.stdout != tt.stdout {
				t.Errorf("stdout %q, want %q", got.stdout, tt.stdout)
			}
		})
	}
}

// A fault that ended several jobs is told once, with what tells the jobs apart.
func TestCommonFault(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, script, said string }{
		{
			"a loop", "for v in a b c; do (RUN fail 3) & done\nwait",
			"build.sh:2:21: RUN: exit status 3\n    for v in a b c; do (RUN fail 3) & done\n                        ^^^^^^^^^^\n  in 3 branches: v=a, v=b, v=c\n",
		},
		{
			"nothing tells them apart", "for v in a a; do (RUN fail 3) & done",
			"build.sh:2:19: RUN: exit status 3\n    for v in a a; do (RUN fail 3) & done\n                      ^^^^^^^^^^\n  in 2 branches\n",
		},
		{
			"calls", "f() { RUN fail 3\n}\nf &\nf &\nwait",
			"build.sh:2:7: RUN: exit status 3\n    f() { RUN fail 3\n          ^^^^^^^^^^\n  in 2 branches: called from build.sh:4:1: f &, called from build.sh:5:1: f &\n",
		},
		{
			"another fault beside it", "for v in a b c; do\n  (if [ $v = b ]; then RUN fail 4; fi\n  RUN fail 3) &\ndone\nwait",
			"build.sh:4:3: RUN: exit status 3\n    RUN fail 3) &\n    ^^^^^^^^^^\n  in 2 branches: v=a, v=c\n" +
				"build.sh:3:24: RUN: exit status 4\n    (if [ $v = b ]; then RUN fail 4; fi\n                         ^^^^^^^^^^\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := play(t, "FROM a\n"+tt.script, Options{})
			var said strings.Builder
			diag.Print(&said, got.err, false)
			t.Log(said.String())
			if d := cmp.Diff(tt.said, said.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		"FROM a\nRUN hang",
		"FROM a\n(RUN hang) &\nwait",
		"FROM a\n(RUN hang) & (RUN hang) &",
		"FROM a\n{ RUN hang\n} | while read -r x; do :; done",
		"FROM a\nx=$(RUN hang) || true\nRUN hang || true",
		"FROM a\nif RUN hang; then :; fi",
		"FROM a\nENV X=$(RUN hang)\n:",
		"FROM a\nread -r x < <(RUN hang)",
		"FROM a\n(RUN hang) & : <(echo x)\nwait",
		"FROM a\n(RUN hang) & p=<(:)\nread -r x < $p || read -r x < $p || :",
		"FROM a\n(RUN hang) & echo x > >(RUN hang)",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("interrupted")
			l := &hanging{ledger: &ledger{}, hang: func() { cancel(why) }}
			got := playContext(t, ctx, script, Options{Builder: l})
			if !errors.Is(got.err, why) && !errors.Is(got.err, context.Canceled) {
				t.Errorf("got %v", got.err)
			}
		})
	}
}

// hanging tells when a RUN hangs.
type hanging struct {
	*ledger
	hang func()
}

func (h *hanging) Do(ctx context.Context, stage Stage, c *Call) (Stage, error) {
	if strings.Contains(c.Text, "hang") && c.Keyword == "RUN" {
		h.hang()
	}
	return h.ledger.Do(ctx, stage, c)
}
