package shell

import (
	"mvdan.cc/sh/v3/syntax"
)

// rewrite changes a script where the interpreter would do other than sh does:
//
//   - the last command of a pipeline runs in a subshell, as the others do, so that an exit there
//     does not end the script;
//   - a subshell whose status is tested ("if (…)", "(…) || …") does not end at its first command
//     that fails, set -e or not;
//   - ">|" is ">", as there is no noclobber;
//   - a command in the background is told to the table of jobs (see jobs.go).
//
// Text that eval and "." read is not seen here and has none of this.
func rewrite(file *syntax.File) {
	r := &rewriter{tested: map[*syntax.Stmt]bool{}}
	syntax.Walk(file, r.visit)
	// What is inside comes after what it is in: from the end, it is done first.
	for i := len(r.stmts) - 1; i >= 0; i-- {
		r.change(r.stmts[i])
	}
}

type rewriter struct {
	stmts  []*syntax.Stmt
	tested map[*syntax.Stmt]bool // where set -e is out of force
}

func (r *rewriter) visit(node syntax.Node) bool {
	switch node := node.(type) {
	case *syntax.Stmt:
		r.stmts = append(r.stmts, node)
		if node.Negated {
			r.tested[node] = true
		}
		if r.tested[node] {
			r.inherit(node.Cmd)
		}
	case *syntax.IfClause:
		r.mark(node.Cond...)
	case *syntax.WhileClause:
		r.mark(node.Cond...)
	case *syntax.BinaryCmd:
		if node.Op == syntax.AndStmt || node.Op == syntax.OrStmt {
			r.mark(node.X)
		}
	}
	return true
}

func (r *rewriter) mark(stmts ...*syntax.Stmt) {
	for _, st := range stmts {
		r.tested[st] = true
	}
}

// inherit marks the parts of a command that is tested.
func (r *rewriter) inherit(cmd syntax.Command) {
	switch cmd := cmd.(type) {
	case *syntax.Block:
		r.mark(cmd.Stmts...)
	case *syntax.Subshell:
		r.mark(cmd.Stmts...)
	case *syntax.BinaryCmd:
		r.mark(cmd.X, cmd.Y)
	case *syntax.IfClause:
		for clause := cmd; clause != nil; clause = clause.Else {
			r.mark(clause.Then...)
		}
	case *syntax.WhileClause:
		r.mark(cmd.Do...)
	case *syntax.ForClause:
		r.mark(cmd.Do...)
	case *syntax.CaseClause:
		for _, item := range cmd.Items {
			r.mark(item.Stmts...)
		}
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			r.mark(cmd.Stmt)
		}
	}
}

func (r *rewriter) change(st *syntax.Stmt) {
	for _, redirect := range st.Redirs {
		if redirect.Op == syntax.RdrClob {
			redirect.Op = syntax.RdrOut
		}
	}
	switch cmd := st.Cmd.(type) {
	case *syntax.Subshell:
		if r.tested[st] {
			cmd.Stmts = append([]*syntax.Stmt{call("set", "+e")}, cmd.Stmts...)
		}
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll {
			cmd.X, cmd.Y = r.stage(cmd.X), r.stage(cmd.Y)
		}
	}
	if st.Background {
		// The block stands where the command stood, so that lists and pipelines keep their shape.
		// The job itself is in a subshell, so that an exit there comes by its end as well.
		inner := *st
		inner.Background = false
		sub := &syntax.Stmt{Position: st.Position, Cmd: &syntax.Subshell{Lparen: st.Pos(), Rparen: st.End(), Stmts: []*syntax.Stmt{&inner}}}
		job := list(syntax.OrStmt, list(syntax.AndStmt, sub, call(private+"finished", "0")), call(private+"finished", "$?"))
		job.Position, job.Background = st.Position, true
		st.Cmd = &syntax.Block{Lbrace: st.Pos(), Rbrace: st.End(), Stmts: []*syntax.Stmt{
			call(private + "job"), job, call(private+"started", "$!"),
		}}
		st.Redirs, st.Background, st.Negated = nil, false, false
	}
}

// stage makes a subshell of one side of a pipe.
func (r *rewriter) stage(st *syntax.Stmt) *syntax.Stmt {
	sub := &syntax.Subshell{Lparen: st.Pos(), Rparen: st.End(), Stmts: []*syntax.Stmt{st}}
	if r.tested[st] {
		sub.Stmts = append([]*syntax.Stmt{call("set", "+e")}, st)
	}
	return &syntax.Stmt{Position: st.Position, Cmd: sub}
}

func list(op syntax.BinCmdOperator, x, y *syntax.Stmt) *syntax.Stmt {
	return &syntax.Stmt{Cmd: &syntax.BinaryCmd{Op: op, X: x, Y: y}}
}

// call is a simple command. "$!" and "$?" are the parameters, any other word is itself.
func call(words ...string) *syntax.Stmt {
	expr := &syntax.CallExpr{}
	for _, word := range words {
		var part syntax.WordPart = &syntax.SglQuoted{Value: word}
		if word == "$!" || word == "$?" {
			part = &syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: word[1:]}}
		}
		expr.Args = append(expr.Args, &syntax.Word{Parts: []syntax.WordPart{part}})
	}
	return &syntax.Stmt{Cmd: expr}
}
