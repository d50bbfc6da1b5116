package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"mvdan.cc/sh/v3/syntax"
)

// unsplit rewrites an operand so that the shell's expansion gives one word (or, for "$@" and "${a[@]}",
// one for each element) whatever is in it: literal text is quoted, and so is each expansion.
func (k *skeleton) unsplit(c *cut, w *syntax.Word) *syntax.Word {
	out := &syntax.Word{}
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			out.Parts = append(out.Parts, quoted(p.ValuePos, p.ValueEnd, unescape(p.Value)))
		case *syntax.SglQuoted:
			out.Parts = append(out.Parts, p)
		case *syntax.DblQuoted:
			quoteTildes(p.Parts)
			out.Parts = append(out.Parts, p)
		case *syntax.ExtGlob:
			out.Parts = append(out.Parts, quoted(p.Pos(), p.End(), p.Op.String()+p.Pattern.Value+")"))
		case *syntax.ProcSubst:
			start := int(p.Pos().Offset())
			k.fail(start, start+2, c.Keyword, "quote it if it is part of a word, or use $(…)",
				errors.New("a process substitution gives a file of the host"))
		default: // ParamExp, CmdSubst, ArithmExp
			quoteTildes([]syntax.WordPart{p})
			unescapeDefault(p)
			out.Parts = append(out.Parts, &syntax.DblQuoted{Left: p.Pos(), Right: p.End(), Parts: []syntax.WordPart{p}})
		}
	}
	return out
}

// quoteTildes keeps ~ in ${x:-~} as it is: mvdan.cc/sh expands it even within double quotes.
func quoteTildes(parts []syntax.WordPart) {
	for _, part := range parts {
		pe, ok := part.(*syntax.ParamExp)
		if !ok || pe.Exp == nil || pe.Exp.Word == nil {
			continue
		}
		word := pe.Exp.Word
		quoteTildes(word.Parts)
		if lit, ok := word.Parts[0].(*syntax.Lit); ok && strings.HasPrefix(lit.Value, "~") {
			rest := &syntax.Lit{ValuePos: lit.ValuePos, ValueEnd: lit.ValueEnd, Value: lit.Value[1:]}
			word.Parts = append([]syntax.WordPart{quoted(lit.ValuePos, lit.ValueEnd, "~"), rest}, word.Parts[1:]...)
		}
	}
}

// unescapeDefault removes the backslashes from ${x:-a\ b}, which mean something else within double quotes.
func unescapeDefault(part syntax.WordPart) {
	pe, ok := part.(*syntax.ParamExp)
	if !ok || pe.Exp == nil || pe.Exp.Word == nil {
		return
	}
	switch pe.Exp.Op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		return // a pattern
	}
	for i, part := range pe.Exp.Word.Parts {
		if l, ok := part.(*syntax.Lit); ok && strings.Contains(l.Value, `\`) {
			pe.Exp.Word.Parts[i] = quoted(l.ValuePos, l.ValueEnd, unescape(l.Value))
		}
	}
}

// quoted gives text as a part of a word in which nothing is expanded.
func quoted(pos, end syntax.Pos, value string) syntax.WordPart {
	if !strings.Contains(value, "'") {
		return &syntax.SglQuoted{Left: pos, Right: end, Value: value}
	}
	value = inDoubleQuotes.Replace(value)
	return &syntax.DblQuoted{Left: pos, Right: end, Parts: []syntax.WordPart{
		&syntax.Lit{ValuePos: pos, ValueEnd: end, Value: value},
	}}
}

var inDoubleQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`")

// unescape removes the backslashes from unquoted text.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// attachHeredocs pairs the heredocs with the operands that name them, and reads the bodies that the shell
// is to expand.
func (k *skeleton) attachHeredocs(c *cut) {
	operand := 0
	for _, d := range c.docs {
		for operand < len(c.Words) && !isHeredocOperand(c.Words[operand], d.Name) {
			operand++
		}
		h := Heredoc{Operand: operand, Name: d.Name, Content: d.Content}
		if d.Chomp {
			h.Content = parser.ChompHeredocContent(h.Content)
		}
		if d.Expand {
			h.Body = k.readBody(d)
		}
		c.Heredocs = append(c.Heredocs, h)
		operand++
	}
}

func isHeredocOperand(w *syntax.Word, name string) bool {
	if len(w.Parts) == 0 {
		return false
	}
	var value strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.SglQuoted:
			value.WriteString(p.Value)
		case *syntax.DblQuoted:
			if len(p.Parts) != 1 {
				return false
			}
			lit, ok := p.Parts[0].(*syntax.Lit)
			if !ok {
				return false
			}
			value.WriteString(unescape(lit.Value))
		default:
			return false
		}
	}
	return value.String() == "<<"+name
}

// readBody reads a heredoc's body as text that the shell expands; instructions in its $(…) are cut out.
func (k *skeleton) readBody(d doc) *syntax.Word {
	body := &text{}
	for off, rest := d.src, []byte(d.Content); len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte{'\n'})
		n := len(rest) - len(after)
		skip := 0
		if d.Chomp {
			skip = len(line) - len(bytes.TrimLeft(line, "\t"))
		}
		body.add(k.src.Text, off+skip, off+n)
		off, rest = off+n, after
	}
	end := "END"
	for bytes.Contains(body.b, []byte(end)) {
		end += "_"
	}
	inner := &skeleton{script: k.script}
	inner.out.put(fmt.Sprintf(": <<%s\n", end), d.src)
	inner.scan(newView(body, k.lex.escape, false), 0, len(body.b))
	inner.out.put(end+"\n", d.src+len(d.Content))
	f := inner.parse()
	if f != nil && len(f.Stmts) == 1 && len(f.Stmts[0].Redirs) == 1 && f.Stmts[0].Redirs[0].Hdoc != nil {
		return f.Stmts[0].Redirs[0].Hdoc
	}
	return literal("", syntax.Pos{}, syntax.Pos{})
}

// Literal gives what a word says, and whether that is all of it: nothing is expanded. Else it is what stands before
// the first expansion.
func Literal(w *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			if p.Dollar {
				return b.String(), false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, part := range p.Parts {
				l, ok := part.(*syntax.Lit)
				if !ok || strings.Contains(l.Value, `\`) {
					return b.String(), false
				}
				b.WriteString(l.Value)
			}
		default:
			return b.String(), false
		}
	}
	return b.String(), true
}
