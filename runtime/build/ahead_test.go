package build

import (
	"strings"
	"testing"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// TestLiteralBases says what a script surely comes to.
func TestLiteralBases(t *testing.T) {
	for script, want := range map[string]string{
		"x=1\nFROM a:1\nFROM --platform=linux/arm64 'b' AS c\nFROM c":       "a:1 b",
		"x=1\nFROM $x\nFROM a$x\nFROM --platform=$x a\nFROM ${x}":           "",
		"for x in 1 2; do ( FROM a:1 AS x$x ) & done\nwait\nFROM b:1":       "a:1 b:1",
		"FROM a AS s$x\nFROM maybe\nFROM docker.io/b\nFROM scratch":         "docker.io/b",
		"if RUN true; then FROM a; else FROM b; fi":                         "",
		"case $1 in x) FROM a;; esac\nwhile RUN true; do FROM b; done":      "",
		"true && FROM a\nfalse || FROM b\n! FROM c:1":                       "c:1",
		"f() {\nFROM a:1\ng\n}\ng() {\nf\nFROM b:1\n}\nh() {\nFROM c\n}\nf": "a:1 b:1",
		"if true; then f; fi\nf() { FROM a:1; }":                            "",
		"x=$(\nFROM a:1\nRUN true\n)":                                       "a:1",
	} {
		f, err := syntax.Read(&diag.Source{Name: "f", Text: []byte(script + "\necho done\n")})
		if err != nil {
			t.Fatalf("%s\n%v", script, err)
		}
		var names []string
		for _, a := range literalBases(f) {
			names = append(names, a.stage.BaseName)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s\ngot %q, want %q", script, got, want)
		}
	}
}
