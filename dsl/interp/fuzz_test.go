package interp

import (
	"strings"
	"testing"

	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
)

// FuzzPrepare prepares anything that is shell text, as a sourced file and as an eval's
// operand: what comes out is shell text again.
func FuzzPrepare(f *testing.F) {
	for _, text := range []string{
		library,
		"f() { RUN a; }; ! f && (f) | f & wait; x=$(f) || exit",
		"export a=1 \"$b\" -x; local -a c; [[ -f x ]] && (( 1 )) || let i++",
		"case $x in a) ENV X=$(RUN b; c) ;; ~root) : ;& *) { d; } & esac",
		"cd() { :; }; while read -r x < <(a ~b); do echo \"${x:-~c}\" <<E\n$(d)\nE\ndone",
		"for i in {1..3} ~a; do time ! { a; } 2>&1 & done; v=$(<f) w=(~b $(c &))",
		"COPY <<E /x\n$(a & b)\nE\nif a; then b & elif c; then d; else ( e ); fi",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsRune(text, 0) {
			return // no file and no word of a shell has one
		}
		p := &program{}
		if out, err := p.source(&diag.Source{Name: "F", Text: []byte(text)}); err == nil {
			parses(t, out)
		}
		for _, in := range p.instructions {
			parses(t, in.operands)
			for _, body := range in.bodies {
				parses(t, body)
			}
		}
		if out, err := p.snippet(text, "1"); err == nil {
			parses(t, out)
		}
	})
}

func parses(t *testing.T, text string) {
	t.Helper()
	if _, err := sh.NewParser().Parse(strings.NewReader(text), ""); err != nil {
		t.Errorf("%q: %v", text, err)
	}
}
