package syntax

import (
	"bytes"
	"cmp"
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/rogpeppe/go-internal/txtar"
	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
)

// FuzzRead reads anything: the reader does not panic, and loses no byte.
func FuzzRead(f *testing.F) {
	for _, text := range corpus(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		src := &diag.Source{Name: "F", Text: text}
		file, err := Read(src)
		if err != nil {
			for _, e := range unjoin(err) {
				if d, ok := e.(*diag.Error); !ok || d.Source != src || d.Err == nil {
					t.Errorf("not a positioned error: %#v", e)
				}
			}
			diag.Print(&bytes.Buffer{}, err, true)
			return
		}
		checkInstructions(t, file)
		if file.Plain {
			checkPlain(t, file)
		} else {
			checkScript(t, file)
		}
	})
}

// corpus returns the sources of the other tests, and BuildKit's own.
func corpus(t testing.TB) [][]byte {
	var all [][]byte
	for _, pattern := range []string{"testdata/*.txtar", "testdata/errors/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range a.Files {
				if !strings.HasSuffix(f.Name, ".want") {
					all = append(all, f.Data)
				}
			}
		}
	}
	return append(all, buildkitFiles(t)...)
}

// buildkitFiles returns the files that BuildKit tests its parser with, from the module cache.
func buildkitFiles(t testing.TB) [][]byte {
	pkg, err := build.Import("github.com/moby/buildkit/frontend/dockerfile/parser", ".", build.FindOnly)
	if err != nil {
		t.Logf("BuildKit's sources are not here: %v", err)
		return nil
	}
	files, err := filepath.Glob(filepath.Join(pkg.Dir, "testfiles*", "*", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// TestBuildkitFiles reads BuildKit's test files: what its parser takes is a plain Dockerfile with the same
// instructions, or a script because a word in it is no instruction.
func TestBuildkitFiles(t *testing.T) {
	t.Parallel()
	files := buildkitFiles(t)
	plain := 0
	for _, text := range files {
		_, parseErr := parser.Parse(bytes.NewReader(text))
		f, err := Read(&diag.Source{Name: "Dockerfile", Text: text})
		if err != nil {
			if parseErr == nil {
				t.Logf("refused: %v", err)
			}
			continue
		}
		checkInstructions(t, f)
		if f.Plain {
			plain++
			checkPlain(t, f)
		}
	}
	if len(files) > 0 && plain < len(files)*3/4 {
		t.Errorf("only %d of %d files are plain", plain, len(files))
	}
}

// checkInstructions holds what is true of every instruction.
func checkInstructions(t *testing.T, f *File) {
	t.Helper()
	last := -1
	for _, in := range f.Instructions {
		start, end := in.Span.Start.Offset, in.Span.End.Offset
		if start <= last || end < start || end > len(f.Source.Text) {
			t.Errorf("%s: span %d-%d after %d", in.Keyword, start, end, last)
		}
		last = start
		result, err := parser.Parse(strings.NewReader(withEscape(f.Escape, in.Text)))
		if err != nil {
			continue // an operand's error, for those who parse it
		}
		if len(result.AST.Children) != 1 || !strings.EqualFold(result.AST.Children[0].Value, in.Keyword) {
			t.Errorf("%q: alone, it is not one instruction", in.Text)
		}
	}
}

func withEscape(escape rune, text string) string {
	return fmt.Sprintf("# escape=%c\n%s", escape, text)
}

// checkPlain compares with BuildKit's parser, the instructions fed to it one by one.
func checkPlain(t *testing.T, f *File) {
	t.Helper()
	whole, err := parser.Parse(bytes.NewReader(f.Source.Text))
	if err != nil {
		t.Errorf("BuildKit refuses it: %v", err)
		return
	}
	var want, got []string
	for _, node := range whole.AST.Children {
		want = append(want, describe(node))
	}
	for _, in := range f.Instructions {
		alone, err := parser.Parse(strings.NewReader(withEscape(f.Escape, in.Text)))
		if err != nil {
			t.Errorf("%q: %v", in.Text, err)
			continue
		}
		got = append(got, describe(alone.AST.Children[0]))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func describe(node *parser.Node) string {
	return fmt.Sprintf("%s %v %q %+v", node.Dump(), node.Flags, strings.TrimSpace(node.Original), node.Heredocs)
}

// checkScript puts the source together again, of the instructions and of what the shell was given, and
// looks at where the commands of the instructions stand.
func checkScript(t *testing.T, f *File) {
	t.Helper()
	src := f.Source.Text
	_, k, err := readSkeleton(f.Source, f.Escape, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	type part struct{ from, to int }
	var parts []part
	cuts := slices.Clone(k.cuts)
	slices.SortFunc(cuts, func(a, b *cut) int { return cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset) })
	covered := 0
	for _, c := range cuts {
		if c.Span.Start.Offset >= covered { // else it stands in an operand
			parts = append(parts, part{c.Span.Start.Offset, c.stop})
			covered = c.stop
		}
	}
	heads := slices.Clone(parts)
	inHead := func(off int) bool {
		return slices.ContainsFunc(heads, func(p part) bool { return p.from <= off && off < p.to })
	}
	for i, p := range k.out.pieces {
		end := len(k.out.b)
		if i+1 < len(k.out.pieces) {
			end = k.out.pieces[i+1].at
		}
		if p.made || inHead(p.src) {
			continue
		}
		if text := k.out.b[p.at:end]; !bytes.Equal(text, src[p.src:p.src+len(text)]) {
			t.Errorf("skeleton has %q where the source has %q", text, src[p.src:p.src+len(text)])
		}
		parts = append(parts, part{p.src, p.src + end - p.at})
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.from, b.from) })
	at := 0
	if bytes.HasPrefix(src, byteOrderMark) {
		at = len(byteOrderMark)
	}
	for _, p := range parts {
		if p.from != at {
			t.Errorf("%q is lost or there twice", src[min(at, p.from):max(at, p.from)])
		}
		at = p.to
	}
	if at != len(src) {
		t.Errorf("%q is lost at the end", src[at:])
	}
	marks := 0
	syntax.Walk(f.Shell, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) != 2 || !strings.HasPrefix(call.Args[1].Lit(), InstructionMark) {
			return true
		}
		marks++
		if word := call.Args[0].Lit(); !bytes.HasPrefix(src[call.Pos().Offset():], []byte(word)) {
			t.Errorf("%s is not at %v", word, call.Pos())
		}
		return true
	})
	nested := 0
	for _, in := range f.Instructions {
		for _, w := range in.Words {
			nested += countMarks(w)
		}
		for _, h := range in.Heredocs {
			if h.Body != nil && len(h.Body.Parts) > 0 {
				nested += countMarks(h.Body)
			}
		}
	}
	if marks+nested != len(f.Instructions) {
		t.Errorf("%d commands in the shell and %d in operands for %d instructions", marks, nested, len(f.Instructions))
	}
}

func countMarks(w *syntax.Word) int {
	n := 0
	syntax.Walk(w, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok && len(call.Args) == 2 && strings.HasPrefix(call.Args[1].Lit(), InstructionMark) {
			n++
		}
		return true
	})
	return n
}

// fragments are what scripts are made of, so that a fuzzer soon finds nested blocks.
var fragments = strings.Split("RUN a|ENV A=|COPY b /c|FROM x|MEM|HEALTHCHECK CMD|ONBUILD RUN|RUN [\"a\"]|COPY <<E /x| ; |;|\n|\n|\n| |  \t|"+
	"for i in a; do |; done|done|if |; then |; else |; elif |fi|; fi|while |until |case x in a) |;;|esac|{ |; }|}|(|)|$(|"+
	"\"|'|`|<<E|<<-'E'|\nE\n|\\\n|\\\r\n|# c\n| # c|&&|pipe|& |!|[[ |]]|$((|))|((|f() |function g |x=|a=(|${x:-|$x|\"$@\"|"+
	"echo |RUN|export |time |<(|>f |\\|ü|\ufeff|\r\n|select |in|else|then|do|: ", "|")

// FuzzFragments reads scripts made of fragments; each byte picks one.
func FuzzFragments(f *testing.F) {
	f.Add([]byte("\x10\x00\x11"))
	f.Fuzz(func(t *testing.T, picks []byte) {
		if len(picks) > 60 {
			return
		}
		text := []byte("true\n")
		for _, p := range picks {
			fragment := fragments[int(p)%len(fragments)]
			if fragment == "pipe" {
				fragment = "|"
			}
			text = append(text, fragment...)
		}
		file, err := Read(&diag.Source{Name: "F", Text: text})
		if err != nil {
			diag.Print(&bytes.Buffer{}, err, false)
			return
		}
		checkInstructions(t, file)
		if !file.Plain {
			checkScript(t, file)
		}
		if t.Failed() {
			t.Logf("%q", text)
		}
	})
}
