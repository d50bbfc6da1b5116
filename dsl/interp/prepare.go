package interp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// The commands that prepared text has. They begin with a character that a script may
// hold only in a quoted word, and that no program's name begins with.
const (
	own           = "\x01"
	cmdAt         = own + "at"                     // N: the shell is at mark N
	cmdSame       = own + "same"                   // [STATUS]: repeats a status
	cmdEnter      = own + "enter"                  // STATUS: a function begins
	cmdBranch     = own + "branch"                 // a subshell begins
	cmdFork       = own + "fork"                   // a background job is about to begin
	cmdForked     = own + "forked"                 // PID: it has begun
	cmdEnd        = own + "end"                    // it has ended, with the status before
	cmdFresh      = own + "fresh"                  // FLAGS NAME…: names that were declared in a function
	cmdNeeds      = own + "needs"                  // N: the shell is at need N of text without marks
	cmdTrapped    = own + "trapped"                // an ERR trap begins; not 0 if the failure has had one
	cmdShift      = own + "shift"                  // $# [N]: shift
	cmdLost       = own + "lost"                   // a substitution has failed, whose status no one asks for
	cmdOperands   = own + "operands"               // WORD…: an instruction's operands
	cmdDocument   = own + "document"               // standard input is a heredoc's body
	cmdCopy       = own + "copy"                   // standard input to standard output
	cmdDeclare    = own + "declare"                // VARIANT WORD…: export and the like
	cmdBuiltin    = own + "builtin"                // NAME WORD…: a builtin
	instructionNo = own + "instruction:"           // second word of an instruction
	jobInput      = "/dev/null/" + own             // + JOB: a job's standard input
	jobErrors     = "/dev/null/" + own + "errors"  // + JOB: a job's standard error
	sourcedFile   = "/dev/null/" + own + "sourced" // the file that is just sourced
)

// The variables that the interpreter keeps in the shell, to be scoped by it.
const (
	varPrefix   = "SHBUILD_"
	varStage    = varPrefix + "STAGE" // index of the current stage's record
	varAt       = varPrefix + "AT"    // the mark that the shell is at
	varStack    = varPrefix + "STACK" // marks of the calls that it is in, innermost first
	varStatus   = varPrefix + "STATUS"
	varShell    = varPrefix + "SHELL"     // the subshell that it is; "" at the top level
	varJob      = varPrefix + "JOB"       // the background job that it is
	varFork     = varPrefix + "FORK"      // the background job that it begins
	varPID      = varPrefix + "PID_"      // + PID: the job with that process id
	varExit     = varPrefix + "EXIT"      // the mark of the exit that ended it
	varFunction = varPrefix + "FUNCTION_" // + NAME: there is a function that hides the builtin
	varText     = varPrefix + "TEXT"      // what printf -v has printed
	varTaken    = varPrefix + "TAKEN"     // where expanded operands go
	varForgiven = varPrefix + "FORGIVEN"  // the function that it is in was called where failure is forgiven
	varLocals   = varPrefix + "LOCALS"    // the names that the function that it is in has declared
	varTrapped  = varPrefix + "TRAPPED"   // an ERR trap has run since the last mark
)

// mark is a statement that a shell can be at.
type mark struct {
	source     *diag.Source
	start, end int
	forgiven   bool // a failure of it is
	needs      *needs
}

// program is all the text that a run has read so far. It is safe for concurrent use.
type program struct {
	mu           sync.Mutex
	marks        []mark
	instructions []*instruction
	functions    map[string]bool // names that are declared somewhere
	needs        []*needs        // of statements that have no mark
}

// instruction is an instruction made ready to be run.
type instruction struct {
	*syntax.Instruction
	file     *syntax.File
	needs    *needs   // of the operands
	operands string   // shell text that passes Words to cmdOperands; "" if there are none
	bodies   []string // of each heredoc, shell text that passes it to cmdDocument; "" if quoted
}

// load prepares a file that was read for running. It changes file.Shell.
func (p *program) load(file *syntax.File) (*sh.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.add(file)
}

// source reads a file that a script sources, and gives its prepared text.
func (p *program) source(src *diag.Source) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	file, err := syntax.ReadSourced(src, len(p.instructions))
	if err != nil {
		return "", err
	}
	shell, err := p.add(file)
	if err != nil {
		return "", err
	}
	return print(shell), nil
}

// snippet prepares text that the script gives to eval or trap. Its statements have no
// marks: they are where the command is that was given the text.
// lineno is the line of that command.
func (p *program) snippet(text, lineno string) (string, error) {
	file, err := sh.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return "", err
	}
	if err := refusedIn(file, nil); err != nil {
		return "", err
	}
	numberLines(file, lineno)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.prepare(file, nil); err != nil {
		return "", err
	}
	return print(file), nil
}

func (p *program) add(file *syntax.File) (*sh.File, error) {
	shell := file.Shell
	if shell != nil {
		if err := refusedIn(shell, file.Source); err != nil {
			return nil, err
		}
		numberLines(shell, "")
	}
	if shell == nil {
		shell = plainShell(file, len(p.instructions))
	}
	for _, i := range file.Instructions {
		in := &instruction{Instruction: i, file: file}
		p.instructions = append(p.instructions, in)
		if err := p.prepareOperands(in); err != nil {
			return nil, err
		}
	}
	return shell, p.prepare(shell, file.Source)
}

// plainShell makes a script of a plain Dockerfile.
func plainShell(file *syntax.File, first int) *sh.File {
	shell := &sh.File{}
	for i, in := range file.Instructions {
		at := sh.NewPos(uint(in.Span.Start.Offset), uint(in.Span.Start.Line), uint(in.Span.Start.Col))
		st := call(in.Keyword, syntax.InstructionMark+strconv.Itoa(first+i))
		st.Position = at
		shell.Stmts = append(shell.Stmts, st)
	}
	return shell
}

// prepareOperands turns an instruction's operands into text that an eval can expand in
// the shell that reaches the instruction. A $(…) in them that fails is reported: there
// is no statement whose status it could be.
func (p *program) prepareOperands(in *instruction) error {
	if in.Words == nil {
		return nil
	}
	operands := call(cmdOperands)
	c := operands.Cmd.(*sh.CallExpr)
	c.Args = append(c.Args, in.Words...)
	if err := refusedIn(operands, in.file.Source); err != nil {
		return err
	}
	numberLines(operands, "")
	in.needs = needsOf(operands)
	in.needs.home = false // ~ is quoted in operands
	if err := p.prepare(operands, in.file.Source); err != nil {
		return err
	}
	reportSubstitutions(operands)
	in.operands = print(operands)
	for i, h := range in.Heredocs {
		if h.Body == nil {
			in.bodies = append(in.bodies, "")
			continue
		}
		st := call(cmdDocument)
		st.Redirs = []*sh.Redirect{{
			Op:   sh.Hdoc,
			Word: word(fmt.Sprintf("%sEOF_%d", varPrefix, i)),
			Hdoc: h.Body,
		}}
		if err := p.prepare(st, in.file.Source); err != nil {
			return err
		}
		reportSubstitutions(st)
		in.bodies = append(in.bodies, print(st))
	}
	return nil
}

// prepare rewrites the text under node in place. Without source, statements get no
// marks.
func (p *program) prepare(node sh.Node, source *diag.Source) error {
	found := find(node)
	if found.odd != nil {
		return located(source, found.odd, errors.New("a form feed, vertical tab or carriage return outside of quotes"))
	}
	for _, st := range found.functions {
		if err := p.function(st); err != nil {
			return located(source, st, err)
		}
	}
	for _, w := range found.homes {
		quoteHome(w)
	}
	for _, st := range found.declared {
		plainDeclare(st)
		fresh(st)
	}
	for _, st := range found.shifts {
		countShift(st)
	}
	for _, st := range found.negated {
		forgive(st)
	}
	for _, list := range found.lists {
		*list = p.list(*list, source, found)
	}
	for _, operand := range found.operands {
		st := *operand
		block := append(p.place(st, source, found), st)
		if len(block) > 1 {
			*operand = &sh.Stmt{Position: st.Position, Cmd: &sh.Block{Stmts: block}}
		}
	}
	for _, b := range found.branches {
		*b.list = slices.Insert(*b.list, 0, branch(b.forgiven))
	}
	for i, left := range found.piped {
		st := *left
		*left = &sh.Stmt{Position: st.Position, Cmd: &sh.Block{Stmts: []*sh.Stmt{branch(found.pipedForgiven[i]), st}}}
	}
	for _, s := range found.processes {
		s.Stmts = reported(s.Stmts)
	}
	return nil
}

// list puts a mark before each statement and wraps those that run in the background.
func (p *program) list(list []*sh.Stmt, source *diag.Source, found *parts) []*sh.Stmt {
	var out []*sh.Stmt
	for _, st := range list {
		out = append(out, p.place(st, source, found)...)
		if st.Background {
			out = append(out, background(st)...)
		} else {
			out = append(out, st)
		}
	}
	return out
}

// branch gives the statement that tells a subshell from the shell that it is a copy of.
func branch(forgiven bool) *sh.Stmt {
	begin := call(cmdBranch)
	if forgiven {
		begin = call(cmdBranch, isForgiven)
	}
	return binary(sh.AndStmt, begin, call(cmdSame))
}

// place gives what stands before a statement: its mark, or without a source what it needs.
func (p *program) place(st *sh.Stmt, source *diag.Source, found *parts) []*sh.Stmt {
	n := found.needs[st]
	if source != nil {
		return []*sh.Stmt{p.mark(st, source, found.forgiven[st], n)}
	}
	if n == nil {
		return nil
	}
	p.needs = append(p.needs, n)
	return []*sh.Stmt{binary(sh.AndStmt, call(cmdNeeds, strconv.Itoa(len(p.needs)-1)), call(cmdSame))}
}

// mark gives the statement "cmdAt N && cmdSame": it leaves $? as it was, and a status
// that is not 0 does not end the script here.
func (p *program) mark(st *sh.Stmt, source *diag.Source, forgiven bool, n *needs) *sh.Stmt {
	start, end := int(st.Pos().Offset()), int(st.End().Offset())
	if st.Semicolon.IsValid() && !st.Background {
		end = start + len(bytes.TrimRight(source.Text[start:st.Semicolon.Offset()], " \t\n"))
	}
	p.marks = append(p.marks, mark{source, start, end, forgiven, n})
	return binary(sh.AndStmt, call(cmdAt, strconv.Itoa(len(p.marks)-1)), call(cmdSame))
}

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
