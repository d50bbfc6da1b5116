package interp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
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
