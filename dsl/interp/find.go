package interp

import (
	"slices"
	"strings"

	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/syntax"
)

// parts are the places in shell text that preparing changes. They are looked for
// before anything is changed, so that what is added is not prepared again.
type parts struct {
	lists     []*[]*sh.Stmt
	operands  []**sh.Stmt // of && || |
	functions []*sh.Stmt  // their declarations
	negated   []*sh.Stmt
	commands  []*sh.CmdSubst
	processes []*sh.ProcSubst
	branches  []subshell  // lists that run in a shell of their own
	piped     []**sh.Stmt // the left sides of pipes, which do too
	homes     []*sh.Word  // words that begin with ~name
	odd       *sh.Word    // a word that cannot be printed
	declared  []*sh.Stmt  // export, declare and the like
	shifts    []*sh.Stmt
	forgiven  forgiven
	needs     map[*sh.Stmt]*needs

	pipedForgiven []bool // of piped, whether its failure is
}

type subshell struct {
	list     *[]*sh.Stmt
	forgiven bool
}

// find looks for the parts of node. On its way it gives the instructions' marks the
// form that survives printing, and $(<file) a command.
func find(node sh.Node) *parts {
	p := parts{forgiven: forgiven{}, needs: map[*sh.Stmt]*needs{}}
	bodies := map[*sh.Word]bool{}
	quoted := map[*sh.ParamExp]bool{}
	sh.Walk(node, func(n sh.Node) bool {
		if n == nil {
			return true
		}
		p.forgiven.mark(n)
		if st, ok := n.(*sh.Stmt); ok {
			if needs := needsOf(st); !needs.none() {
				p.needs[st] = needs
			}
		}
		mend(n)
		escapes(n, quoted)
		switch n := n.(type) {
		case *sh.Redirect:
			bodies[n.Hdoc] = true
		case *sh.Word:
			if isHome(n) && !bodies[n] {
				p.homes = append(p.homes, n)
			}
			if isOdd(n) && !bodies[n] {
				p.odd = n
			}
		case *sh.Lit:
			if no, ok := strings.CutPrefix(n.Value, syntax.InstructionMark); ok {
				n.Value = instructionNo + no
			}
		case *sh.Stmt:
			if n.Negated {
				p.negated = append(p.negated, n)
			}
			switch n.Cmd.(type) {
			case *sh.CallExpr:
				if isShift(n) {
					p.shifts = append(p.shifts, n)
				}
			case *sh.DeclClause:
				p.declared = append(p.declared, n)
			case *sh.FuncDecl:
				p.functions = append(p.functions, n)
			}
		case *sh.BinaryCmd:
			for _, operand := range []**sh.Stmt{&n.X, &n.Y} {
				if isLeaf(*operand) {
					p.operands = append(p.operands, operand)
				}
			}
			if n.Op == sh.Pipe || n.Op == sh.PipeAll {
				p.piped = append(p.piped, &n.X)
				p.pipedForgiven = append(p.pipedForgiven, p.forgiven[n.X])
			}
		case *sh.CmdSubst:
			if isFileSubstitution(n) {
				n.Stmts[0].Cmd = call(cmdCopy).Cmd
			}
			p.commands = append(p.commands, n)
			p.lists = append(p.lists, &n.Stmts)
			p.branches = append(p.branches, subshell{&n.Stmts, p.forgiven.list(n.Stmts)})
		case *sh.ProcSubst:
			p.processes = append(p.processes, n)
			p.lists = append(p.lists, &n.Stmts)
			p.branches = append(p.branches, subshell{&n.Stmts, p.forgiven.list(n.Stmts)})
		case *sh.Subshell:
			p.lists = append(p.lists, &n.Stmts)
			p.branches = append(p.branches, subshell{&n.Stmts, p.forgiven.list(n.Stmts)})
		default:
			p.lists = append(p.lists, lists(n)...)
		}
		return true
	})
	return &p
}

// lists gives the lists of statements that a compound command has.
func lists(n sh.Node) []*[]*sh.Stmt {
	switch n := n.(type) {
	case *sh.File:
		return []*[]*sh.Stmt{&n.Stmts}
	case *sh.Block:
		return []*[]*sh.Stmt{&n.Stmts}
	case *sh.IfClause:
		return []*[]*sh.Stmt{&n.Cond, &n.Then}
	case *sh.WhileClause:
		return []*[]*sh.Stmt{&n.Cond, &n.Do}
	case *sh.ForClause:
		return []*[]*sh.Stmt{&n.Do}
	case *sh.CaseItem:
		return []*[]*sh.Stmt{&n.Stmts}
	}
	return nil
}

// isHome says that a word begins with ~name, which would be looked up among the host's
// users.
func isHome(w *sh.Word) bool {
	if len(w.Parts) == 0 {
		return false
	}
	l, ok := w.Parts[0].(*sh.Lit)
	return ok && len(l.Value) > 1 && l.Value[0] == '~' && l.Value[1] != '/'
}

// isOdd says that a word has a blank in it that is none to the shell, and of which the
// printer makes a line's end.
func isOdd(w *sh.Word) bool {
	return slices.ContainsFunc(w.Parts, func(part sh.WordPart) bool {
		l, ok := part.(*sh.Lit)
		return ok && strings.ContainsAny(l.Value, "\f\v\r")
	})
}

// quoteHome makes ~name stay as it is: the host's users are not there.
func quoteHome(w *sh.Word) {
	l := w.Parts[0].(*sh.Lit)
	tilde := &sh.DblQuoted{Left: l.ValuePos, Right: l.ValuePos, Parts: []sh.WordPart{lit("~")}}
	rest := &sh.Lit{ValuePos: l.ValuePos, ValueEnd: l.ValueEnd, Value: l.Value[1:]}
	w.Parts = append([]sh.WordPart{tilde, rest}, w.Parts[1:]...)
}

// isLeaf says that st is one command, which can fail by itself.
func isLeaf(st *sh.Stmt) bool {
	if st.Negated {
		return false // a block around it would lose that ! is never fatal
	}
	switch st.Cmd.(type) {
	case *sh.CallExpr, *sh.TestClause, *sh.ArithmCmd, *sh.LetClause, *sh.DeclClause:
		return true
	}
	return false
}

// isFileSubstitution says that s is $(<file). The runner would read it by itself, with
// no status where the file is missing.
func isFileSubstitution(s *sh.CmdSubst) bool {
	if len(s.Stmts) != 1 {
		return false
	}
	st := s.Stmts[0]
	return st.Cmd == nil && len(st.Redirs) == 1 && st.Redirs[0].Op == sh.RdrIn
}

func lit(s string) *sh.Lit   { return &sh.Lit{Value: s} }
func word(s string) *sh.Word { return &sh.Word{Parts: []sh.WordPart{lit(s)}} }

func param(name string) *sh.ParamExp {
	return &sh.ParamExp{Short: true, Param: lit(name)}
}

func call(words ...string) *sh.Stmt {
	c := &sh.CallExpr{}
	for _, w := range words {
		c.Args = append(c.Args, word(w))
	}
	return &sh.Stmt{Cmd: c}
}

func binary(op sh.BinCmdOperator, x, y *sh.Stmt) *sh.Stmt {
	return &sh.Stmt{Position: x.Position, Cmd: &sh.BinaryCmd{Op: op, X: x, Y: y}}
}
