package syntax

import (
	"bytes"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// parse parses the finished skeleton, finds the instructions' commands in it, and makes its positions the
// source's.
func (k *skeleton) parse() *syntax.File {
	f, err := k.sh.Parse(bytes.NewReader(k.out.b), "")
	if err != nil {
		k.shellError(err)
		return nil
	}
	f.Name = k.src.Name
	k.bind(f)
	k.place(reflect.ValueOf(f))
	for _, c := range k.cuts {
		if c.call == nil {
			k.fail(c.Span.Start.Offset, c.Span.Start.Offset+len(c.Keyword), c.Keyword, "", fmt.Errorf("not the first word of a command"))
			continue
		}
		k.finish(c)
	}
	return f
}

// bind finds the command of each instruction.
func (k *skeleton) bind(f *syntax.File) {
	at := map[int]*cut{}
	for _, c := range k.cuts {
		at[c.at] = c
	}
	calls := map[*syntax.Stmt]*cut{}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			call, ok := n.Cmd.(*syntax.CallExpr)
			if !ok || len(call.Args) == 0 {
				break
			}
			if c := at[int(call.Args[0].Pos().Offset())]; c != nil {
				c.stmt, c.call = n, call
				calls[n] = c
			} else if word := call.Args[0].Lit(); IsKeyword(word) {
				k.strayKeyword(word, n, call)
			}
		case *syntax.FuncDecl:
			if n.Name != nil && IsKeyword(n.Name.Value) {
				start := k.out.pos(int(n.Name.Pos().Offset()))
				k.fail(start, start+len(n.Name.Value), n.Name.Value, "give the function another name", fmt.Errorf("a function cannot have an instruction's name"))
			}
		}
		return true
	})
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.IfClause:
			for _, s := range n.Cond {
				markProbes(s, calls)
			}
		case *syntax.BinaryCmd:
			if c := calls[n.Y]; c != nil && (n.Op == syntax.Pipe || n.Op == syntax.PipeAll) {
				c.AfterPipe = true
			}
		}
		return true
	})
}

// markProbes marks the instructions whose status s asks for.
func markProbes(s *syntax.Stmt, calls map[*syntax.Stmt]*cut) {
	if c := calls[s]; c != nil {
		c.Probe = true
	}
	switch cmd := s.Cmd.(type) {
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.AndStmt || cmd.Op == syntax.OrStmt {
			markProbes(cmd.X, calls)
		}
		markProbes(cmd.Y, calls)
	case *syntax.Block:
		for _, s := range cmd.Stmts {
			markProbes(s, calls)
		}
	}
}

// strayKeyword is the error for an instruction word that is the first word of a command, but not where an
// instruction can stand.
func (k *skeleton) strayKeyword(word string, s *syntax.Stmt, call *syntax.CallExpr) {
	start := k.out.pos(int(call.Args[0].Pos().Offset()))
	err, hint := fmt.Errorf("an instruction must be the first word of its command"), ""
	switch {
	case len(call.Assigns) > 0:
		name := call.Assigns[0].Name.Value
		err = fmt.Errorf("an instruction cannot follow an assignment")
		hint = fmt.Sprintf("set %s on a line of its own (RUN sees the variables that its text names or the script exports), or in the container, after %s", name, word)
	case len(s.Redirs) > 0:
		err = fmt.Errorf("an instruction cannot be redirected by the script in front of it")
		hint = fmt.Sprintf("put braces around it, as in { %s …; } <file", word)
	}
	k.fail(start, start+len(word), word, hint, err)
}

// place turns every position in the tree from the skeleton's into the source's.
func (k *skeleton) place(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			k.place(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			k.place(v.Index(i))
		}
	case reflect.Struct:
		if p, ok := v.Interface().(syntax.Pos); ok {
			if p.IsValid() {
				v.Set(reflect.ValueOf(k.position(k.out.pos(int(p.Offset())))))
			}
			return
		}
		for i := range v.NumField() {
			k.place(v.Field(i))
		}
	}
}

// position returns the shell parser's kind of position for an offset in the source.
func (s *script) position(off int) syntax.Pos {
	line := sort.SearchInts(s.lines, off+1)
	start := s.lines[line-1]
	if line == 1 && bytes.HasPrefix(s.src.Text, byteOrderMark) {
		start = min(len(byteOrderMark), off)
	}
	return syntax.NewPos(uint(off), uint(line), uint(utf8.RuneCount(s.src.Text[start:off])+1))
}

// finish completes an instruction from its command: its heredocs and its words.
func (k *skeleton) finish(c *cut) {
	k.takeBodies(c)
	if c.expands {
		c.Words = make([]*syntax.Word, 0, len(c.call.Args))
		for _, w := range c.call.Args[1:] {
			c.Words = append(c.Words, k.unsplit(c, w))
		}
		k.attachHeredocs(c)
	}
	c.stmt.Redirs = nil
}

// takeBodies adds the heredocs' bodies to the instruction's text.
func (k *skeleton) takeBodies(c *cut) {
	if len(c.docs) == 0 {
		return
	}
	_, next := k.lex.physical(c.Span.End.Offset)
	body := strings.Builder{}
	body.WriteString(c.Text)
	eol := "\n"
	if bytes.HasSuffix(k.src.Text[:next], []byte("\r\n")) {
		eol = "\r\n"
	}
	last := c.Span.End.Offset
	for i := range c.docs {
		d := &c.docs[i]
		start := next
		if doc := c.stmt.Redirs[i].Hdoc; doc != nil {
			start = int(doc.Pos().Offset())
		} else {
			// Empty: the first line that could end it does.
			start, _ = k.lex.body(start, d.Heredoc)
		}
		end, after := k.lex.body(start, d.Heredoc)
		d.Content = string(k.src.Text[start:end])
		last = start + len(bytes.TrimRight(k.src.Text[start:after], "\r\n"))
		body.WriteString(eol + string(k.src.Text[start:last]))
		d.src, next = start, after
	}
	c.Text = body.String()
	c.Span = k.src.Span(c.Span.Start.Offset, last)
}
