package build

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// A Finding is what a lint rule says about a place in a Dockerfile.
type Finding struct {
	Rule        string // "StageNameCasing"
	Description string // of the rule
	URL         string // where the rule is explained; may be empty
	Detail      string // what is the matter here
	Source      *diag.Source
	Span        diag.Span // whole lines, without the blanks around them
}

// Err is the finding in the form of an error.
func (f Finding) Err() *diag.Error {
	e := &diag.Error{Source: f.Source, Span: f.Span, Op: f.Rule, Err: fmt.Errorf("%s", f.Detail)}
	if f.URL != "" {
		e.Hint = f.URL
	}
	return e
}

// linting is BuildKit's lint rules at work on one plain Dockerfile. A nil
// *linting is that of a script, to which they do not apply.
type linting struct {
	rules  *linter.Linter
	source *diag.Source
	found  []Finding
	check  int // the line of the check directive; 0: there is none
}

// newLinting reads the check directive, unless a build-arg goes before it.
func newLinting(f *syntax.File, args map[string]string) (*linting, error) {
	l := &linting{source: f.Source}
	options, _, where, ok := parser.ParseDirective("check", f.Source.Text)
	if ok && len(where) > 0 {
		l.check = where[0].Start.Line
	}
	if given := args[checkArg]; given != "" {
		options, l.check = given, 1
	}
	config, err := linter.ParseLintOptions(options)
	if err != nil {
		return nil, &diag.Error{Source: f.Source, Span: l.lines(l.check, l.check), Op: "check", Err: err,
			Hint: "as in: # check=skip=StageNameCasing,JSONArgsRecommended;error=true"}
	}
	config.Warn = l.warn
	l.rules = linter.New(config)
	for _, line := range f.EmptyLines {
		l.rules.Run(&linter.RuleNoEmptyContinuation, []parser.Range{{Start: parser.Position{Line: line}, End: parser.Position{Line: line}}},
			linter.RuleNoEmptyContinuation.Format())
	}
	return l, nil
}

func (l *linting) warn(rule, description, url, detail string, at []parser.Range) {
	f := Finding{Rule: rule, Description: description, URL: url, Detail: detail, Source: l.source}
	if len(at) > 0 {
		f.Span = l.lines(at[0].Start.Line, at[len(at)-1].End.Line)
	}
	l.found = append(l.found, f)
}

// lines is the span of whole lines, counted from 1.
func (l *linting) lines(first, last int) diag.Span {
	text := string(l.source.Text)
	start, end, at := len(text), len(text), 0
	for n := 1; at < len(text); n++ {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		if n == first {
			line := text[at:next]
			start = at + len(line) - len(strings.TrimLeft(line, " \t\ufeff"))
		}
		if n == last {
			end = at + len(strings.TrimRight(text[at:next], " \t\r\n"))
			break
		}
		at = next
	}
	return l.source.Span(start, end)
}

// at is the rules for what stands at a place, where the comments above it may
// skip some; nil: none.
func (l *linting) at(p place) *placedRules {
	if l == nil {
		return nil
	}
	var lines []parser.Range
	for n := p.span.Start.Line; n <= p.span.End.Line; n++ {
		lines = append(lines, parser.Range{Start: parser.Position{Line: n}, End: parser.Position{Line: n}})
	}
	return &placedRules{l.rules.WithMergedConfigFromComments(p.comments), lines}
}

// placedRules are the rules at one place. Its methods are for nil too.
type placedRules struct {
	rules *linter.Linter
	lines []parser.Range
}

func (r *placedRules) run(rule linter.LinterRuleI, detail string) {
	if r != nil {
		r.rules.Run(rule, r.lines, detail)
	}
}

// findings are all that was found so far, in the order of the lines.
func (l *linting) findings() []Finding {
	if l == nil {
		return nil
	}
	out := slices.Clone(l.found)
	slices.SortStableFunc(out, func(a, b Finding) int { return cmp.Compare(a.Span.Start.Line, b.Span.Start.Line) })
	return out
}

// err refuses the file if something was found and its check directive says
// that this is an error.
func (l *linting) err() error {
	found := l.findings()
	if len(found) == 0 || !l.rules.ReturnAsError {
		return nil
	}
	var names []string
	for _, f := range found {
		names = append(names, f.Rule)
	}
	slices.Sort(names)
	return &diag.Error{Source: l.source, Span: l.lines(l.check, l.check), Op: "check",
		Err:  fmt.Errorf("lint rules are broken: %s", strings.Join(slices.Compact(names), ", ")),
		Hint: "mend what the warnings name, or skip a rule: # check=skip=" + names[0] + ";error=true"}
}

// tell shows what was found.
func (b *Builder) tellFindings() {
	for _, f := range b.lint.findings() {
		b.progress.Note(fmt.Sprintf("warning: %s:%s: %s: %s", f.Source.Name, f.Span.Start, f.Rule, f.Detail))
	}
}
