package diag

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// at gives an error at the first place of word in the source.
func at(text, word string) *Error {
	src := &Source{Name: "Dockerfile", Text: []byte(text)}
	start := strings.Index(text, word)
	return &Error{Source: src, Span: src.Span(start, start+len(word)), Op: "COPY", Err: errors.New("it is wrong")}
}

func withHint(e *Error, hint string) *Error {
	e.Hint = hint
	return e
}

func in(e *Error, branches ...string) *Error {
	e.Branches = branches
	return e
}

type advised struct{ error }

func (advised) Hint() string { return "do better" }

func TestPrint(t *testing.T) {
	t.Parallel()
	long := "RUN " + strings.Repeat("a", 90) + " HERE " + strings.Repeat("z", 90)
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"nothing", nil, ""},
		{"without a position", errors.New("no such file"), "shbuild: no such file\n"},
		{"a position, a mark and a hint", withHint(at("FROM a\nCOPY src app.conf /etc\n", "app.conf"), "leave it"), `
Dockerfile:2:10: COPY: it is wrong
    COPY src app.conf /etc
             ^^^^^^^^
hint: leave it
`},
		{"a line that is indented", at("if true; then\n\t  COPY x y\nfi", "COPY"), `
Dockerfile:2:4: COPY: it is wrong
    COPY x y
    ^^^^
`},
		{"tabs before the mark are kept", at("COPY\ta\tb", "b"), "Dockerfile:1:8: COPY: it is wrong\n    COPY\ta\tb\n        \t \t^\n"},
		{"wide characters and marks that join", at("COPY 世界 é e\u0301 🎉 wrong ok", "wrong"), `
Dockerfile:1:16: COPY: it is wrong
    COPY 世界 é é 🎉 wrong ok
                     ^^^^^
`},
		{"a wide word", at("COPY 世界 ok", "世界"), `
Dockerfile:1:6: COPY: it is wrong
    COPY 世界 ok
         ^^^^
`},
		{"branches", in(at("COPY a b", "a"), "v=1", "v=2"), "Dockerfile:1:6: COPY: it is wrong\n    COPY a b\n         ^\n  in 2 branches: v=1, v=2\n"},
		{"branches that nothing tells apart", in(at("COPY a b", "a"), "", ""), "Dockerfile:1:6: COPY: it is wrong\n    COPY a b\n         ^\n  in 2 branches\n"},
		{"branches that fill more than a line", in(at("COPY a b", "a"), "v="+strings.Repeat("1", 50), "", "v="+strings.Repeat("2", 50)),
			"Dockerfile:1:6: COPY: it is wrong\n    COPY a b\n         ^\n  in 3 branches:\n    v=" + strings.Repeat("1", 50) + "\n    v=" + strings.Repeat("2", 50) + "\n"},
		{"an empty place", at("COPY a b", ""), "Dockerfile:1:1: COPY: it is wrong\n    COPY a b\n    ^\n"},
		{"the end of the line", at("COPY a\nb", "\n"), "Dockerfile:1:7: COPY: it is wrong\n    COPY a\n          ^\n"},
		{"several lines: the first", at("COPY a \\\n  b\nx", "a \\\n  b"), "Dockerfile:1:6: COPY: it is wrong\n    COPY a \\\n         ^^^\n"},
		{"an empty line is not shown", at("\n\nCOPY", "\n"), "Dockerfile:1:1: COPY: it is wrong\n"},
		{"CRLF and a byte order mark", at("\uFEFFCOPY a\r\nb", "a"), "Dockerfile:1:6: COPY: it is wrong\n    COPY a\n         ^\n"},
		{"a long line is cut", at(long, "HERE"), `
Dockerfile:1:96: COPY: it is wrong
    …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HERE zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…
                                      ^^^^
`},
		{"commands to the terminal are not passed on", at("COPY a\x1b[2J b", "b"), "Dockerfile:1:12: COPY: it is wrong\n    COPY a\ufffd[2J b\n               ^\n"},
		{"nor those in a message", errors.New("unknown: \x1b[2J"), "shbuild: unknown: \ufffd[2J\n"},
		{"nor is text turned round", at("COPY \u202ea b", "b"), "Dockerfile:1:9: COPY: it is wrong\n    COPY \ufffda b\n            ^\n"},
		{"several errors", errors.Join(at("COPY a", "a"), errors.Join(errors.New("two"), withHint(at("COPY b", "b"), "three"))), `
Dockerfile:1:6: COPY: it is wrong
    COPY a
         ^
shbuild: two
Dockerfile:1:6: COPY: it is wrong
    COPY b
         ^
hint: three
`},
		{"a hint from below, a wrapped error", fmt.Errorf("stage x: %w", &Error{Source: &Source{Name: "F", Text: []byte("RUN a")}, Span: Span{Start: Pos{0, 1, 1}, End: Pos{3, 1, 4}}, Err: advised{errors.New("bad")}}), `
stage x: F:1:1: bad
    RUN a
    ^^^
hint: do better
`},
		{"what a program printed comes after the mark", &Error{Source: &Source{Name: "F", Text: []byte("RUN a")}, Span: Span{Start: Pos{0, 1, 1}, End: Pos{3, 1, 4}}, Op: "RUN", Err: errors.New("exit status 1\n  | out\n")}, `
F:1:1: RUN: exit status 1
    RUN a
    ^^^
  | out
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			Print(&b, tt.err, false)
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPrintInColour(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	Print(&b, withHint(at("COPY a", "a"), "x"), true)
	want := bold + "Dockerfile:1:6: COPY: it is wrong" + plain + "\n    COPY a\n    " + red + "     ^" + plain + "\n" + cyan + "hint:" + plain + " x\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPos(t *testing.T) {
	t.Parallel()
	src := &Source{Name: "F", Text: []byte("ab\n世é\tx\n")}
	for offset, want := range map[int]string{-1: "1:1", 0: "1:1", 2: "1:3", 3: "2:1", 6: "2:2", 9: "2:4", 11: "3:1", 99: "3:1"} {
		if got := src.Pos(offset).String(); got != want {
			t.Errorf("offset %d is at %s, want %s", offset, got, want)
		}
	}
	if span := src.Span(5, 2); span.End.Offset != 5 {
		t.Errorf("a span ends before it starts: %v", span)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"FROM", "RUN", "COPY", "WORKDIR", "ENTRYPOINT"}
	for word, want := range map[string]string{
		"FORM": "FROM", "from": "FROM", "RNU": "RUN", "COPPY": "COPY", "WORKDRI": "WORKDIR", "entrypiont": "ENTRYPOINT",
		"curl": "", "RU": "RUN", "XYZ": "", "": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}
