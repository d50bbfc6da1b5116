package syntax

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
)

// Real shell that nobody wrote for shbuild: what has no instruction in it must come out of the reader as the parser
// alone reads it, each word at its place.

// unchanged reports what the reader made of shell text. It says whether there was anything to compare.
func unchanged(t *testing.T, name string, text []byte) bool {
	t.Helper()
	var want, got *syntax.File
	var wrong error
	src := &diag.Source{Name: name, Text: text}
	if checkText(src) != nil {
		return false
	}
	want, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(text), "")
	if err != nil {
		// No shell text for the parser: then the reader refuses it too, unless an instruction takes in what is wrong.
		if f, err := ReadSourced(src, 0); err == nil && len(f.Instructions) == 0 {
			t.Errorf("%s: read, though it is no shell", name)
		}
		return false
	}
	if calls(want) {
		return false
	}
	if escape, _, err := directives(text); err != nil || escape != '\\' {
		return false
	}
	f, wrong := ReadSourced(src, 0)
	if wrong != nil {
		t.Errorf("%s: %v", name, wrong)
		return true
	}
	if got = f.Shell; len(f.Instructions) > 0 {
		t.Errorf("%s: an instruction at %s", name, f.Instructions[0].Span.Start)
		return true
	}
	if diff := cmp.Diff(places(t, want, len(text)), places(t, got, len(text))); diff != "" {
		t.Errorf("%s: (-parser +reader)\n%s", name, diff)
	}
	return true
}

// calls says whether a command's first word is an instruction's.
func calls(f *syntax.File) bool {
	found := false
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			found = found || len(n.Args) > 0 && IsKeyword(n.Args[0].Lit())
		case *syntax.FuncDecl:
			found = found || n.Name != nil && IsKeyword(n.Name.Value)
		}
		return true
	})
	return found
}

// places shows a tree: what it prints as, and where each statement and literal stands in a text of size bytes. The
// parser's columns count bytes, and the ends of its last words may lie behind the text.
func places(t *testing.T, f *syntax.File, size int) string {
	t.Helper()
	var b strings.Builder
	if err := syntax.NewPrinter().Print(&b, f); err != nil {
		t.Error(err)
	}
	offset := func(p syntax.Pos) int { return min(int(p.Offset()), size) }
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			fmt.Fprintln(&b, offset(n.Pos()), offset(n.End()))
		case *syntax.Lit:
			fmt.Fprintln(&b, offset(n.Pos()), n.Value)
		}
		return true
	})
	return b.String()
}

var shebang = regexp.MustCompile(`^#! ?/\S*(?:env )?\b(?:sh|bash|dash|ksh)\b`)

// fewest is how many scripts a Debian has at the least.
const fewest = 20

// TestRealScripts reads the shell scripts of this machine.
func TestRealScripts(t *testing.T) {
	t.Parallel()
	n := 0
	for _, pattern := range []string{"/usr/bin/*", "/usr/sbin/*", "/etc/init.d/*", "/usr/lib/git-core/*", "/etc/profile.d/*.sh", "/usr/share/*/*.sh", "/usr/lib/*/*.sh"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			fi, err := os.Stat(file)
			if err != nil || !fi.Mode().IsRegular() || fi.Size() > 1<<18 {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil || !shebang.Match(text) && !strings.HasSuffix(file, ".sh") {
				continue
			}
			if unchanged(t, file, text) {
				n++
			}
		}
	}
	t.Logf("%d scripts", n)
	if _, err := os.Stat("/etc/debian_version"); err == nil && n < fewest {
		t.Errorf("only %d scripts on this Debian", n)
	}
}

// TestParsersOwnTests reads every string in the tests of the shell library: its parser's cases and its interpreter's
// scripts.
func TestParsersOwnTests(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "mvdan.cc/sh/v3").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skip("the library's source is not here")
	}
	n := 0
	for _, name := range []string{"syntax/filetests_test.go", "syntax/parser_test.go", "syntax/printer_test.go", "interp/interp_test.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(node ast.Node) bool {
			lit, ok := node.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if text, err := strconv.Unquote(lit.Value); err == nil && text != "" && unchanged(t, name+": "+lit.Value, []byte(text)) {
				n++
			}
			return true
		})
	}
	t.Logf("%d texts", n)
	if n < 2000 {
		t.Errorf("only %d texts", n)
	}
}
