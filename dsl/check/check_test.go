package check

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

var expectation = regexp.MustCompile(`\s*### (error|warning) "(.*)"$`)

// TestScript reads each section of testdata/scripts.txtar. A line that is wrong ends with ### error "regexp" or
// ### warning "regexp", which what is said there must match, hint included; no other line may be spoken of. The
// comment is no part of the script.
func TestScript(t *testing.T) {
	t.Parallel()
	a, err := txtar.ParseFile("testdata/scripts.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			checkSaid(t, string(f.Data))
		})
	}
}

func checkSaid(t *testing.T, text string) {
	lines := strings.Split(text, "\n")
	want := map[string]*regexp.Regexp{}
	for i, l := range lines {
		for m := expectation.FindStringSubmatchIndex(l); m != nil; m = expectation.FindStringSubmatchIndex(l) {
			want[fmt.Sprintf("%d %s", i+1, l[m[2]:m[3]])] = regexp.MustCompile(l[m[4]:m[5]])
			l = l[:m[0]]
			lines[i] = l
		}
	}
	f, err := syntax.Read(&diag.Source{Name: "F", Text: []byte(strings.Join(lines, "\n"))})
	if err != nil {
		t.Fatal(err)
	}
	warnings, err := Script(f, Options{})
	said := func(kind string, at diag.Span, text string) {
		key := fmt.Sprintf("%d %s", at.Start.Line, kind)
		switch pattern := want[key]; {
		case pattern == nil:
			t.Errorf("%s: unexpected: %s", key, text)
		case !pattern.MatchString(text):
			t.Errorf("%s: got %s, want %s", key, text, pattern)
		}
		delete(want, key)
	}
	for _, w := range warnings {
		if w.Description == "" {
			t.Errorf("%s has no description", w.Rule)
		}
		said("warning", w.Span, fmt.Sprintf("%s %s: %s hint: %s", w.Span.Start, w.Rule, w.Detail, w.Hint))
	}
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, err := range many.Unwrap() {
			var d *diag.Error
			if errors.As(err, &d) {
				said("error", d.Span, d.Error()+" hint: "+d.Hint)
			}
		}
	}
	for key, pattern := range want {
		t.Errorf("%s: nothing like %s", key, pattern)
	}
}

// TestExamples finds nothing to say of the examples.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"conditional", "functions", "matrix", "packages"} {
		file := "../../examples/" + name + "/build.sh"
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := syntax.Read(&diag.Source{Name: file, Text: text})
		if err != nil {
			t.Fatal(err)
		}
		warnings, err := Script(f, Options{})
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v %+v", file, err, warnings)
		}
	}
}
