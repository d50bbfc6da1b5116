package interp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/syntax"
)

// How one statement is rewritten, by its kind; prepare finds them all.

// function gives each call of a function its place in the stack. One that hides a
// builtin is known by a variable, since only running tells whether it is there.
func (p *program) function(st *sh.Stmt) error {
	f := st.Cmd.(*sh.FuncDecl)
	if f.Name == nil || f.Name.Value == "" || strings.ContainsAny(f.Name.Value, "\f\v\r\\\"'$`") {
		return errors.New("a function needs a name of plain characters")
	}
	name := f.Name.Value
	if guarded(name) || syntax.IsKeyword(name) || strings.HasPrefix(name, own) {
		return fmt.Errorf("%s cannot be redefined", name)
	}
	if p.functions == nil {
		p.functions = map[string]bool{}
	}
	p.functions[name] = true
	// local SHBUILD_STACK="$SHBUILD_AT $SHBUILD_STACK" SHBUILD_STATUS=$? …
	local := &sh.DeclClause{Variant: &sh.Lit{Value: "local"}, Args: []*sh.Assign{
		{Name: lit(varStack), Value: &sh.Word{Parts: []sh.WordPart{&sh.DblQuoted{Parts: []sh.WordPart{
			param(varAt), lit(" "), param(varStack)}}}}},
		{Name: lit(varStatus), Value: &sh.Word{Parts: []sh.WordPart{param("?")}}},
		{Name: lit(varForgiven), Value: &sh.Word{Parts: []sh.WordPart{param(varForgiven)}}},
		{Name: lit(varLocals), Value: &sh.Word{Parts: []sh.WordPart{&sh.SglQuoted{}}}},
	}}
	enter := call(cmdEnter)
	c := enter.Cmd.(*sh.CallExpr)
	c.Args = append(c.Args, &sh.Word{Parts: []sh.WordPart{param(varStatus)}})
	f.Body = &sh.Stmt{Position: f.Body.Position, Cmd: &sh.Block{Stmts: []*sh.Stmt{
		{Cmd: local}, binary(sh.AndStmt, enter, call(cmdSame)), f.Body,
	}}}
	if interp.IsBuiltin(name) {
		hides := &sh.Stmt{Cmd: &sh.CallExpr{Assigns: []*sh.Assign{{Name: lit(varFunction + name), Value: word("1")}}}}
		st.Cmd = &sh.Block{Stmts: []*sh.Stmt{{Position: st.Position, Cmd: f}, hides}}
	}
	return nil
}

// forgive makes of ! S the statement ! { S && cmdSame; }: the runner forgives a failure
// directly behind !, but not one deeper, as in a function.
func forgive(st *sh.Stmt) {
	inner := &sh.Stmt{Position: st.Position, Cmd: st.Cmd, Redirs: st.Redirs}
	st.Redirs = nil
	st.Cmd = &sh.Block{Stmts: []*sh.Stmt{binary(sh.AndStmt, inner, call(cmdSame))}}
}

// background gives, for a job S &,
//
//	cmdFork; { SHBUILD_JOB=$SHBUILD_FORK; ( S ) && cmdEnd || cmdEnd; } </dev/null/…$SHBUILD_FORK 2>/dev/null/… &
//	cmdForked $!
//
// The first redirection tells when the job's shell has ended, however it does; the second one keeps its messages
// apart from those of other jobs.
func background(st *sh.Stmt) []*sh.Stmt {
	body := *st
	body.Background, body.Semicolon = false, sh.Pos{}
	job := &sh.Stmt{Cmd: &sh.CallExpr{Assigns: []*sh.Assign{
		{Name: lit(varJob), Value: &sh.Word{Parts: []sh.WordPart{param(varFork)}}},
	}}}
	run := &sh.Stmt{Position: st.Position, Cmd: &sh.Subshell{Stmts: []*sh.Stmt{branch(false), &body}}}
	ended := binary(sh.OrStmt, binary(sh.AndStmt, run, call(cmdEnd)), call(cmdEnd))
	shell := &sh.Stmt{
		Position:   st.Position,
		Background: true,
		Cmd:        &sh.Block{Stmts: []*sh.Stmt{job, ended}},
		Redirs: []*sh.Redirect{{Op: sh.RdrIn, Word: &sh.Word{Parts: []sh.WordPart{
			lit(jobInput), param(varFork)}}},
			{N: lit("2"), Op: sh.RdrOut, Word: &sh.Word{Parts: []sh.WordPart{lit(jobErrors), param(varFork)}}}},
	}
	forked := call(cmdForked)
	c := forked.Cmd.(*sh.CallExpr)
	c.Args = append(c.Args, &sh.Word{Parts: []sh.WordPart{param("!")}})
	return []*sh.Stmt{call(cmdFork), shell, forked}
}

func reportSubstitutions(node sh.Node) {
	for _, s := range find(node).commands {
		s.Stmts = reported(s.Stmts)
	}
}

// reported gives ( … ) || cmdLost.
func reported(list []*sh.Stmt) []*sh.Stmt {
	if len(list) == 0 {
		return list
	}
	return []*sh.Stmt{binary(sh.OrStmt, &sh.Stmt{Cmd: &sh.Subshell{Stmts: list}}, call(cmdLost))}
}

func guarded(name string) bool {
	switch name {
	case ":", "[", ".", "source", "eval", "command", "builtin", "type", "exit", "wait", "trap", "exec",
		"mapfile", "readarray", "pwd", "return", "break", "continue", "shift":
		return interp.IsBuiltin(name)
	}
	return false
}

func print(node sh.Node) string {
	var b bytes.Buffer
	if err := sh.NewPrinter().Print(&b, node); err != nil {
		panic(fmt.Sprintf("print shell text: %v", err)) // a Buffer takes everything, and node is whole
	}
	return b.String()
}
