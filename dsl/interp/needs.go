package interp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/internal/pattern"
)

// needs are what a statement asks of variables that the runner would silently take for something else than bash does.
// They are found in the text, and looked at when the shell comes to the statement.
type needs struct {
	special  []string // variables that bash sets, and this shell does not
	numbers  []string // in arithmetic: the runner takes what is no number for 0
	counted  []string // ${#a[@]}: the runner counts an associative array as one
	patterns []string // "$x" within the pattern of ${y#…}: the runner forgets the quotes
	split    []string // $x that is split into words: the runner loses the empty ones between two of IFS's characters
	home     bool     // ~
}

func (n *needs) none() bool {
	return len(n.special)+len(n.numbers)+len(n.counted)+len(n.patterns)+len(n.split) == 0 && !n.home
}

// bashVariables are set by bash itself. BASH_VERSION is not among them: that it is not set tells a script truly that
// it is not bash that runs it.
var bashVariables = []string{
	"BASHOPTS", "BASHPID", "BASH_ARGC", "BASH_ARGV", "BASH_COMMAND", "BASH_LINENO", "BASH_SOURCE", "BASH_SUBSHELL",
	"COLUMNS", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS", "HOSTNAME", "HOSTTYPE", "LINES",
	"MACHTYPE", "OSTYPE", "PIPESTATUS", "SECONDS", "SHELLOPTS", "SHLVL", "UID", "_",
}

// needsOf looks through a statement, without those within it that have a mark of their own.
func needsOf(st *sh.Stmt) *needs {
	var n needs
	operands := map[*sh.Stmt]bool{}
	sh.Walk(st, func(node sh.Node) bool {
		switch node := node.(type) {
		case *sh.Stmt:
			return node == st || operands[node] && !isLeaf(node)
		case *sh.FuncDecl:
			return false
		case *sh.BinaryCmd:
			operands[node.X], operands[node.Y] = true, true
		case *sh.CallExpr:
			n.splits(node.Args)
			for _, a := range node.Assigns {
				if a.Array != nil {
					for _, e := range a.Array.Elems {
						n.splits([]*sh.Word{e.Value})
					}
				}
			}
		case *sh.WordIter:
			n.splits(node.Items)
		case *sh.ParamExp:
			n.parameter(node)
		case *sh.ArithmExp:
			n.arithmetic(node.X)
		case *sh.ArithmCmd:
			n.arithmetic(node.X)
		case *sh.BinaryTest:
			if isNumeric(node.Op) {
				for _, side := range []sh.TestExpr{node.X, node.Y} {
					if w, ok := side.(*sh.Word); ok {
						n.number(w)
					}
				}
			}
		case *sh.Word:
			if l, ok := first(node).(*sh.Lit); ok && (l.Value == "~" && len(node.Parts) == 1 || strings.HasPrefix(l.Value, "~/")) {
				n.home = true
			}
		}
		return true
	})
	return &n
}

func first(w *sh.Word) sh.WordPart {
	if len(w.Parts) == 0 {
		return nil
	}
	return w.Parts[0]
}

func isNumeric(op sh.BinTestOperator) bool {
	switch op {
	case sh.TsEql, sh.TsNeq, sh.TsLeq, sh.TsGeq, sh.TsLss, sh.TsGtr:
		return true
	}
	return false
}

func (n *needs) splits(words []*sh.Word) {
	for _, w := range words {
		if w == nil {
			continue
		}
		for _, part := range w.Parts {
			if p, ok := part.(*sh.ParamExp); ok && p.Param != nil && p.Exp == nil && p.Repl == nil && !p.Length && p.Index == nil {
				n.split = append(n.split, p.Param.Value)
			}
		}
	}
}

func (n *needs) parameter(p *sh.ParamExp) {
	if p.Param == nil {
		return
	}
	name := p.Param.Value
	if slices.Contains(bashVariables, name) && !bearsUnset(p) {
		n.special = append(n.special, name)
	}
	if w, ok := p.Index.(*sh.Word); ok && p.Length && (w.Lit() == "@" || w.Lit() == "*") {
		n.counted = append(n.counted, name)
	}
	if p.Exp != nil && isPattern(p.Exp.Op) {
		n.quotedIn(p.Exp.Word)
	}
	if p.Repl != nil {
		n.quotedIn(p.Repl.Orig)
	}
}

// bearsUnset says whether ${x…} has an answer for a variable that is not set.
func bearsUnset(p *sh.ParamExp) bool {
	if p.Exp == nil {
		return false
	}
	switch p.Exp.Op {
	case sh.AlternateUnset, sh.AlternateUnsetOrNull, sh.DefaultUnset, sh.DefaultUnsetOrNull, sh.AssignUnset, sh.AssignUnsetOrNull:
		return true
	}
	return false
}

// quotedIn takes the variables within double quotes of a pattern.
func (n *needs) quotedIn(w *sh.Word) {
	if w == nil {
		return
	}
	for _, part := range w.Parts {
		q, ok := part.(*sh.DblQuoted)
		if !ok {
			continue
		}
		for _, part := range q.Parts {
			if p, ok := part.(*sh.ParamExp); ok && p.Param != nil {
				n.patterns = append(n.patterns, p.Param.Value)
			}
		}
	}
}

func (n *needs) arithmetic(x sh.ArithmExpr) {
	switch x := x.(type) {
	case *sh.BinaryArithm:
		if x.Op != sh.Assgn {
			n.arithmetic(x.X)
		}
		n.arithmetic(x.Y)
	case *sh.UnaryArithm:
		n.arithmetic(x.X)
	case *sh.ParenArithm:
		n.arithmetic(x.X)
	case *sh.Word:
		n.number(x)
	}
}

func (n *needs) number(w *sh.Word) {
	if len(w.Parts) != 1 {
		return
	}
	switch part := w.Parts[0].(type) {
	case *sh.Lit:
		if sh.ValidName(part.Value) {
			n.numbers = append(n.numbers, part.Value)
			if slices.Contains(bashVariables, part.Value) {
				n.special = append(n.special, part.Value)
			}
		}
	case *sh.ParamExp:
		if part.Param != nil && part.Exp == nil && part.Repl == nil && part.Index == nil && part.Slice == nil && !part.Length && !part.Excl {
			n.numbers = append(n.numbers, part.Param.Value)
		}
	}
}

var (
	isNumber = pattern.Lazy(`^[ \t\n]*(?:[-+]?(?:0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*|[1-9][0-9]?#[0-9A-Za-z@_]+))?[ \t\n]*$`)
	notOctal = pattern.Lazy(`^[-+]?0[0-9]+$`)
)

// check ends the script if a need is not met.
func (x *shell) check(hc interp.HandlerContext, n *needs) error {
	if n == nil {
		return nil
	}
	if err := n.met(hc.Env); err != nil {
		return x.abort(x.shellError(hc.Env, "", err))
	}
	return nil
}

func (n *needs) met(env expand.Environ) error {
	for _, name := range n.special {
		if !env.Get(name).IsSet() {
			return lacking("$"+name, "bash sets it; here it is empty unless the script, an ARG or an ENV gives it a value")
		}
	}
	if home := env.Get("HOME"); n.home && !home.IsSet() {
		return lacking("~", "HOME is not set, as a script does not see its caller's; in the image ~ is the shell's of RUN")
	}
	for _, name := range n.numbers {
		v := env.Get(name)
		if v.Kind != expand.String || isNumber().MatchString(v.Str) || sh.ValidName(v.Str) {
			continue
		}
		if notOctal().MatchString(v.Str) {
			return &refusal{fmt.Sprintf("%s is %q, no number: a leading 0 makes it octal", name, v.Str), fmt.Sprintf("$((10#$%s)) takes it as a decimal", name)}
		}
		return &refusal{fmt.Sprintf("%s is %q, no number", name, v.Str), "arithmetic in this shell takes whole numbers only"}
	}
	for _, name := range n.counted {
		if env.Get(name).Kind == expand.Associative {
			return lacking("${#"+name+"[@]} of an associative array", fmt.Sprintf(`count its keys: keys=("${!%s[@]}"), then ${#keys[@]}`, name))
		}
	}
	for _, name := range n.patterns {
		if v := env.Get(name); strings.ContainsAny(v.Str, `*?[\`) {
			return lacking(fmt.Sprintf("a quoted $%s with %q in a pattern", name, v.Str), "here its special characters would count; case and [[ == ]] take it literally")
		}
	}
	return n.splitsWell(env)
}

// splitsWell looks for empty words that would be lost.
func (n *needs) splitsWell(env expand.Environ) error {
	ifs := env.Get("IFS")
	marks := strings.Trim(strings.NewReplacer(" ", "", "\t", "", "\n", "").Replace(ifs.Str), " ")
	if !ifs.IsSet() || marks == "" {
		return nil
	}
	for _, name := range n.split {
		v := env.Get(name)
		last := true
		for _, r := range v.Str {
			now := strings.ContainsRune(marks, r)
			if now && last && v.Kind == expand.String {
				return lacking(fmt.Sprintf("splitting $%s at IFS where a word is empty", name), fmt.Sprintf(`IFS=… read -ra words <<< "$%s" keeps the empty ones`, name))
			}
			last = now
		}
	}
	return nil
}

// lacking is the error of something that bash has and this shell has not.
func lacking(what, hint string) error { return &refusal{what + " is not in this shell", hint} }

// need gives the needs with a number of text without marks.
func (p *program) need(no string) *needs {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, err := strconv.Atoi(no); err == nil && i >= 0 && i < len(p.needs) {
		return p.needs[i]
	}
	return nil
}

// needsAt gives what the statement at a mark needs.
func (p *program) needsAt(no string) *needs {
	if m := p.markOf(no); m != nil {
		return m.needs
	}
	return nil
}

// forgives says whether a failure of the statement at a mark is forgiven.
func (p *program) forgives(no string) bool {
	m := p.markOf(no)
	return m != nil && m.forgiven
}

func (p *program) markOf(no string) *mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, err := strconv.Atoi(no); err == nil && i >= 0 && i < len(p.marks) {
		return &p.marks[i]
	}
	return nil
}
