package interp

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// What bash has and the runner has not is refused, and nothing forgives that: a script that goes on without it would
// be another script. docs/shell.md is the list.

// refused finds what the text alone shows. Every one is reported.
func refusedIn(node sh.Node, source *diag.Source) error {
	var errs []error
	sh.Walk(node, func(n sh.Node) bool {
		if n == nil {
			return true
		}
		if at, r := refusalOf(n); r != nil {
			errs = append(errs, located(source, at, r))
		}
		return true
	})
	return errors.Join(errs...)
}

// Check finds what a script has in it that is not in this shell, wherever it stands.
func Check(f *syntax.File) error {
	var errs []error
	if f.Shell != nil {
		errs = append(errs, refusedIn(f.Shell, f.Source))
	}
	for _, in := range f.Instructions {
		for _, w := range in.Words {
			errs = append(errs, refusedIn(w, f.Source))
		}
	}
	return errors.Join(errs...)
}

func refusalOf(n sh.Node) (sh.Node, error) {
	switch n := n.(type) {
	case *sh.CoprocClause:
		return n, lacking("coproc", "start the job with &, and give it its input by a pipe")
	case *sh.Redirect:
		return n, refusedRedirect(n)
	case *sh.ParamExp:
		if w := first2(n); w != "" {
			return n, lacking("${"+n.Param.Value+"/"+w+"…}", "${x#…} and ${x%…} take from the start and the end")
		}
	case *sh.LetClause:
		for _, e := range n.Exprs {
			if w, ok := e.(*sh.Word); ok && w.Lit() == "" {
				return n, lacking("let with quoted operands", "write ((…)) around the expression")
			}
		}
	case *sh.BinaryTest:
		return n, refusedTest(n)
	case *sh.DeclClause:
		return n, refusedDeclaration(n)
	case *sh.ArithmExp:
		return refusedNumber(n.X)
	case *sh.ArithmCmd:
		return refusedNumber(n.X)
	}
	return nil, nil
}

// first2 is the # or % that binds a replacement to the start or the end.
func first2(p *sh.ParamExp) string {
	if p.Repl == nil || p.Repl.Orig == nil || p.Param == nil || p.Repl.All {
		return ""
	}
	if l, ok := first(p.Repl.Orig).(*sh.Lit); ok && l.Value != "" && strings.ContainsAny(l.Value[:1], "#%") {
		return l.Value[:1]
	}
	return ""
}

func refusedRedirect(r *sh.Redirect) error {
	const advice = "a script has 0, 1 and 2 alone: keep what the third would carry in a variable, or use a pipe"
	if r.N != nil && (len(r.N.Value) > 1 || r.N.Value > "2") {
		return lacking("file descriptor "+r.N.Value, advice)
	}
	switch r.Op {
	case sh.RdrInOut:
		return lacking("<>", "open the file with < or with >")
	case sh.DplIn, sh.DplOut:
		if lit := r.Word.Lit(); len(lit) > 1 || lit > "2" {
			return lacking("file descriptor "+lit, advice)
		}
	}
	return nil
}

func refusedTest(t *sh.BinaryTest) error {
	if isNumeric(t.Op) {
		for _, side := range []sh.TestExpr{t.X, t.Y} {
			if w, ok := side.(*sh.Word); ok && sh.ValidName(w.Lit()) {
				return lacking(fmt.Sprintf("a variable's name beside %s", t.Op), "write $"+w.Lit())
			}
		}
	}
	if w, ok := t.Y.(*sh.Word); ok && t.Op == sh.TsReMatch {
		for _, part := range w.Parts {
			if q, ok := part.(*sh.DblQuoted); ok && (len(q.Parts) != 1 || !isLit(q.Parts[0])) && len(q.Parts) > 0 {
				return lacking("a quoted variable in a pattern of =~", "unquoted it is a part of the pattern; [[ == ]] compares with *\"$x\"* literally")
			}
		}
	}
	return nil
}

// refusedNumber finds 08, which the runner takes for 0.
func refusedNumber(x sh.ArithmExpr) (at sh.Node, err error) {
	if x == nil {
		return nil, nil
	}
	at = x
	sh.Walk(x, func(n sh.Node) bool {
		if w, ok := n.(*sh.Word); ok && notOctal().MatchString(w.Lit()) && !isNumber().MatchString(w.Lit()) {
			at, err = w, &refusal{w.Lit() + " is no number: a leading 0 makes it octal", "leave the 0 out"}
		}
		return true
	})
	return at, err
}

func isLit(p sh.WordPart) bool { _, ok := p.(*sh.Lit); return ok }

func refusedDeclaration(d *sh.DeclClause) error {
	names := false
	for _, a := range d.Args {
		names = names || a.Name != nil || !isFlag(a.Value)
		flag := ""
		if a.Name == nil && a.Value != nil {
			flag = a.Value.Lit()
		}
		switch {
		case !strings.HasPrefix(flag, "-") && !strings.HasPrefix(flag, "+"):
		case strings.ContainsAny(flag, "fF"):
			return lacking(d.Variant.Value+" "+flag, "type NAME says whether NAME is a function")
		case strings.ContainsAny(flag, "iluct"), strings.HasPrefix(flag, "+"), flag == "-":
			return lacking(d.Variant.Value+" "+flag, declareAdvice[strings.Trim(flag, "-+")])
		case strings.Contains(flag, "p") && d.Variant.Value != "declare":
			return lacking(d.Variant.Value+" "+flag, "declare -p NAME shows one variable")
		}
	}
	if !names {
		return lacking(d.Variant.Value+" without a name", "declare -p NAME shows one variable")
	}
	return nil
}

var declareAdvice = map[string]string{
	"i": "compute in $((…)), as in n=$((n + 1))",
	"l": "${x,,} gives x in small letters",
	"u": "${x^^} gives x in capitals",
}

// lack is a message of the runner's about what it has not, and how it is told.
type lack struct {
	message string // a regular expression
	what    string // with the message's groups
	hint    string
}

var lacks = []lack{
	{`^umask: unsupported builtin`, "umask", "set it in the container: RUN umask 022 && …; COPY has --chmod"},
	{`^ulimit: unsupported builtin`, "ulimit", "set it in the container, as in RUN ulimit -n 1024 && …; MEM limits memory"},
	{`^kill: unsupported builtin`, "kill", "a job of the script cannot be stopped: wait for it, or let it fail, which fails the build"},
	{`^(jobs|fg|bg|disown|suspend): unsupported builtin`, "$1", "wait joins the jobs of a script"},
	{`^caller: unsupported builtin`, "caller", "errors show where a function was called from"},
	{`^(\S+): unsupported builtin`, "$1", ""},
	{`^trap: (\S+): invalid signal`, "trap $1", "a script can trap EXIT and ERR; an interrupt ends the build with all that it started"},
	{`^trap: "(-.)": NOT IMPL`, "trap $1", "trap alone shows the traps"},
	{`^wait: unsupported option "(.*)"`, "wait $1", "wait waits for all jobs, wait $pid for one"},
	{`^read: invalid option "(-d)"`, "read $1", "IFS splits a line, and ${x%%:*} takes what stands before a character"},
	{`^(read|mapfile|readarray|shopt|alias|unalias|set|cd|pushd|popd|dirs|unset|type|printf|command|pwd|declare|builtin): (?:invalid|unsupported|unknown) option:? "(.*)"`, "$1 $2", ""},
	{`^unsupported redirect fd: (.*)`, "file descriptor $1", "a script has 0, 1 and 2 alone"},
	{`^unhandled [<>]& arg: "(.*)"`, "file descriptor $1", "a script has 0, 1 and 2 alone"},
	{`^unhandled redirect op: (.*)`, "$1", ""},
	{`(?:^|: )invalid format char: (.)`, "printf %$1", "%s, %d, %c, %b, %x and %o are there, with a width; RUN printf has them all"},
	{"^not a valid test operator: `([<>])`", "[ a $1 b ]", "[[ a $1 b ]] compares strings"},
}

// lackOf tells a message of the runner's as what is not there.
func lackOf(message string) error {
	for _, l := range lacks {
		form := regexp.MustCompile(l.message)
		if m := form.FindStringSubmatchIndex(message); m != nil {
			return lacking(string(form.ExpandString(nil, l.what, message, m)), string(form.ExpandString(nil, l.hint, message, m)))
		}
	}
	return nil
}

// onlyTop refuses what the runner does in the top-level shell alone.
func (x *shell) onlyTop(hc interp.HandlerContext, what, hint string) error {
	if hc.Env.Get(varShell).Str == "" {
		return nil
	}
	return x.abort(x.shellError(hc.Env, "", lacking(what+" in a subshell", hint)))
}
