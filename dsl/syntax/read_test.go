package syntax

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
)

var update = flag.Bool("update", false, "write what is read into the wanted sections of testdata/*.txtar")

// TestRead reads each section NAME of testdata/*.txtar and compares with its section NAME.want.
func TestRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			wants := map[string]string{}
			for _, f := range a.Files {
				wants[f.Name] = string(f.Data)
			}
			out := &txtar.Archive{Comment: a.Comment}
			for _, f := range a.Files {
				if strings.HasSuffix(f.Name, ".want") {
					continue
				}
				var got string
				t.Run(f.Name, func(t *testing.T) {
					got = dump(t, f.Data)
					if diff := cmp.Diff(wants[f.Name+".want"], got); diff != "" && !*update {
						t.Error(diff)
					}
				})
				out.Files = append(out.Files, f, txtar.File{Name: f.Name + ".want", Data: []byte(got)})
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// dump shows a file as it was read: each instruction with its place, flags, text and words, then the shell.
func dump(t *testing.T, source []byte) string {
	t.Helper()
	f, err := Read(&diag.Source{Name: "F", Text: source})
	if err != nil {
		t.Error(err)
		return err.Error() + "\n"
	}
	var b strings.Builder
	if f.Plain {
		b.WriteString("plain\n")
	}
	for i, in := range f.Instructions {
		fmt.Fprintf(&b, "%d %s %s-%s", i, in.Keyword, in.Span.Start, in.Span.End)
		if in.Probe {
			b.WriteString(" probe")
		}
		if in.AfterPipe {
			b.WriteString(" after-pipe")
		}
		fmt.Fprintf(&b, "\n  %s\n", strings.ReplaceAll(in.Text, "\n", "\n  "))
		if in.Words != nil {
			b.WriteString("  =")
			for _, w := range in.Words {
				b.WriteString(" " + show(t, w))
			}
			b.WriteString("\n")
		}
		for _, h := range in.Heredocs {
			fmt.Fprintf(&b, "  heredoc %d %s %q", h.Operand, h.Name, h.Content)
			if h.Body != nil {
				fmt.Fprintf(&b, " expands %q", show(t, h.Body))
			}
			b.WriteString("\n")
		}
	}
	if f.Shell != nil {
		b.WriteString("shell:\n" + show(t, f.Shell))
	}
	return b.String()
}

func show(t *testing.T, n syntax.Node) string {
	t.Helper()
	if w, ok := n.(*syntax.Word); ok && len(w.Parts) == 0 {
		return "''"
	}
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, n); err != nil {
		t.Error(err)
	}
	return strings.ReplaceAll(b.String(), InstructionMark, "§")
}

// TestReadErrors reads each section of testdata/errors/*.txtar. A line that must fail ends with
// ### "regexp", which the error there must match, hint included; the comment is not part of the source.
// No other line may fail. A line ### "regexp" at the end is for an error at the end of the file.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+f.Name, func(t *testing.T) {
				t.Parallel()
				checkErrors(t, f.Data)
			})
		}
	}
}

var expectation = regexp.MustCompile(`[ ]*### "(.*)"$`)

func checkErrors(t *testing.T, text []byte) {
	lines := strings.Split(string(text), "\n")
	want := map[int]string{}
	for i, l := range lines {
		if m := expectation.FindStringSubmatchIndex(l); m != nil {
			want[i+1] = l[m[2]:m[3]]
			lines[i] = l[:m[0]]
		}
	}
	_, err := Read(&diag.Source{Name: "F", Text: []byte(strings.Join(lines, "\n"))})
	for _, e := range unjoin(err) {
		d, ok := e.(*diag.Error)
		if !ok {
			t.Errorf("not a *diag.Error: %v", e)
			continue
		}
		line := d.Span.Start.Line
		pattern, ok := want[line]
		if !ok {
			t.Errorf("unexpected: %v", d)
			continue
		}
		delete(want, line)
		message := d.Error()
		if d.Hint != "" {
			message += " hint: " + d.Hint
		}
		if !regexp.MustCompile(pattern).MatchString(message) {
			t.Errorf("line %d: got %s\nwant %s", line, message, pattern)
		}
	}
	for line, pattern := range want {
		t.Errorf("line %d: no error like %s", line, pattern)
	}
}

func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}
