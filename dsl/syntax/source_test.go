package syntax

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
)

func read(t *testing.T, text string) *File {
	t.Helper()
	f, err := Read(&diag.Source{Name: "F", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestBytes reads what a text file of tests cannot hold.
func TestBytes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, source string
		plain        bool
		want         []string
	}{
		{"bom", "\ufeffFROM a\nRUN b", true, []string{"FROM a", "RUN b"}},
		{"bom script", "\ufeffFROM a\ntrue\nRUN b", false, []string{"FROM a", "RUN b"}},
		{"bom directive", "\ufeff# escape=`\nFROM a`\n b", true, []string{"FROM a`\n b"}},
		{"crlf", "FROM a\r\nRUN b \\\r\n  c\r\n\r\n# d\r\nRUN e\r\n", true, []string{"FROM a", "RUN b \\\r\n  c", "RUN e"}},
		{"crlf heredoc", "RUN <<E\r\na\r\nE\r\nRUN b", true, []string{"RUN <<E\r\na\r\nE", "RUN b"}},
		{"crlf script", "true\r\nfor i in a; do RUN b \\\r\n  c; done\r\nRUN d\r\n", false, []string{"RUN b \\\r\n  c", "RUN d"}},
		{"crlf script words", "true\r\nCOPY a \\\r\n  b\r\n", false, []string{"COPY a \\\r\n  b"}},
		{"crlf script heredoc", "if x; then RUN <<E; fi\r\na\r\nE\r\nRUN b", false, []string{"RUN <<E\r\na\r\nE", "RUN b"}},
		{"trailing blanks", "true\nRUN a  \nENV a=b \t\n", false, []string{"RUN a  ", "ENV a=b \t"}},
		{"open continuation", "true\nRUN a \\\n", false, []string{"RUN a \\"}},
		{"open continuation and comment", "true\nCOPY a b \\\n# c\n\n", false, []string{"COPY a b \\"}},
		{"escape in a script", "# escape=`\ntrue\nRUN a `\n  b \\\nRUN c", false, []string{"RUN a `\n  b \\", "RUN c"}},
		{"keyword and continuation", "true\nRUN\\\n a", false, []string{"RUN\\\n a"}},
		{"tabs", "true\n\tRUN\ta", false, []string{"RUN\ta"}},
		{"letters", "echo ü\nRUN ü", false, []string{"RUN ü"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := read(t, test.source)
			var got []string
			for _, in := range f.Instructions {
				got = append(got, in.Text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if f.Plain != test.plain {
				t.Errorf("plain: got %v", f.Plain)
			}
		})
	}
}

func TestNotText(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"":                        "F:1:1: the file is empty",
		"FROM a\nRUN \x00":        "F:2:5: not a text file: it holds a zero byte",
		"FROM a\nRUN \xff":        "F:2:5: not UTF-8 text: byte 0xff",
		"\xff\xfeF\x00R\x00":      "F:1:1: the file is UTF-16 text",
		"\ufeff":                  "F:1:1: no instruction in the file",
		"\n \n":                   "F:1:1: no instruction in the file",
		"\x7fELF\x02\x01\x01\x00": "F:1:8: not a text file: it holds a zero byte",
	} {
		_, err := Read(&diag.Source{Name: "F", Text: []byte(source)})
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", source, err, want)
		}
	}
}

// TestReadSourced reads a library: it may have no instruction, is never plain, and its marks go on counting.
func TestReadSourced(t *testing.T) {
	t.Parallel()
	f, err := ReadSourced(&diag.Source{Name: "lib.sh", Text: []byte("RUN a\nf() { RUN b; }\n")}, 7)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(t, f.Shell), "RUN §7\nf() { RUN §8; }\n"; got != want || f.Plain {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, empty := range []string{"", "f() { :; }\n", "# nothing\n"} {
		if f, err := ReadSourced(&diag.Source{Text: []byte(empty)}, 0); err != nil || f.Shell == nil {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

// TestExpansion expands operands as the interpreter will.
func TestExpansion(t *testing.T) {
	t.Parallel()
	env := func(name string) string {
		return map[string]string{"x": "a b", "glob": "*", "dots": "a.b.c", "empty": "", "HOME": "/root"}[name]
	}
	for operands, want := range map[string][]string{
		`$x`:                           {"a b"},
		`a$x"b$x"`:                     {"aa bba b"},
		`*.go ~ ~/x {a,b}`:             {"*.go", "~", "~/x", "{a,b}"},
		`$glob ${glob}`:                {"*", "*"},
		`$empty`:                       {""},
		`${none:-a b} ${none:-"c  d"}`: {"a b", "c  d"},
		`${none:-'e f'} ${none:-~}`:    {"e f", "~"},
		`${dots#*.} ${dots%%.*}`:       {"b.c", "a"},
		`${dots//./-}`:                 {"a-b-c"},
		`\$x \\ \* a\ b`:               {"$x", `\`, "*", "a b"},
		`"\$x" '\$x'`:                  {"$x", `\$x`},
		`$'a\tb'`:                      {"a\tb"},
		`$((1 + 2))`:                   {"3"},
		`A=$x B=~ a:~`:                 {"A=a b", "B=~", "a:~"},
		`+(a|b) @($x)`:                 {"+(a|b)", "@($x)"},
		`''`:                           {""},
		"a\\\n b":                      {"a", "b"},
		"a\\\nb":                       {"ab"},
		"'a'\"'b'\"":                   {"a'b'"},
	} {
		f := read(t, "true\nCOPY "+operands)
		cfg := &expand.Config{Env: expand.FuncEnviron(env)}
		got, err := expand.Fields(cfg, f.Instructions[0].Words...)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", operands, diff)
		}
	}
}

// TestInterp runs the shell text: the marks reach the interpreter's handler as they are, with the
// position of the source.
func TestInterp(t *testing.T) {
	t.Parallel()
	f := read(t, "FROM x\ntrue\nif RUN x; then v=$(RUN y); fi\n(COPY a b)\n")
	var got []string
	called := func(ctx context.Context, args []string) ([]string, error) {
		if len(args) == 2 && strings.HasPrefix(args[1], InstructionMark) {
			got = append(got, args[0]+strings.TrimPrefix(args[1], InstructionMark)+" at "+interp.HandlerCtx(ctx).Pos.String())
			return []string{"true"}, nil
		}
		return []string{":"}, nil
	}
	r, err := interp.New(interp.CallHandler(called), interp.StdIO(nil, io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context(), f.Shell); err != nil {
		t.Fatal(err)
	}
	want := []string{"FROM0 at 1:1", "RUN1 at 3:4", "RUN2 at 3:20", "COPY3 at 4:2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestPositions finds each instruction's command at the keyword in the source.
func TestPositions(t *testing.T) {
	t.Parallel()
	source := "\ufeff# é\ntrue; ENV A=$(RUN é) \\\n # c\n\n B=$(RUN b)\n" +
		"for i in a; do RUN <<E; done; echo é; RUN c & done\n1\nE\n(RUN d &)\n{ COPY <<E /x; }\n$(RUN e)\nE\n"
	f := read(t, source)
	if len(f.Instructions) != 8 {
		t.Fatalf("got %d instructions", len(f.Instructions))
	}
	for i, in := range f.Instructions {
		if !strings.HasPrefix(source[in.Span.Start.Offset:], in.Keyword) {
			t.Errorf("%d: %s is not at %v", i, in.Keyword, in.Span.Start)
		}
	}
	syntax.Walk(f.Shell, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		word := call.Args[0].Lit()
		if at := call.Pos(); !strings.HasPrefix(source[at.Offset():], word) {
			t.Errorf("%s is not at %v", word, at)
		}
		return true
	})
}
