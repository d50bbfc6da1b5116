package syntax

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/internal/pattern"
)

// script is a script being read.
type script struct {
	src   *diag.Source
	lex   *lexer
	lines []int // where each line of the source starts
	sh    *syntax.Parser
	cuts  []*cut // every instruction, also those within a heredoc's body
	errs  []error
}

// cut is an instruction that was cut out.
type cut struct {
	Instruction
	at      int   // where its command stands in the skeleton
	stop    int   // where its logical line, or its part of it, ends in the source; heredocs come after
	broken  error // why its text is no complete shell text; it then took the whole line
	docs    []doc // its heredocs
	expands bool  // it has Words
	stmt    *syntax.Stmt
	call    *syntax.CallExpr
}

// doc is a heredoc of an instruction.
type doc struct {
	parser.Heredoc
	src int // where <<NAME stands in the source
}

// skeleton is shell text being written: a view of the source without its instructions.
type skeleton struct {
	*script
	out  text
	base int // where in out a statement starts at which parsing may begin, all before it being complete
	cuts []*cut
}

// view is text to scan for instructions: the source, a joined line, or a heredoc's body.
type view struct {
	*text
	lex    *lexer
	direct bool // offsets are the source's
}

func newView(t *text, escape rune, direct bool) view {
	return view{text: t, lex: newLexer(t.b, escape), direct: direct}
}

// readScript reads a script. main says that it is a file of its own, and not one that a script sources.
func readScript(src *diag.Source, escape rune, first int, main bool) (*File, error) {
	f, _, err := readSkeleton(src, escape, first, main)
	return f, err
}

func readSkeleton(src *diag.Source, escape rune, first int, main bool) (*File, *skeleton, error) {
	s := &script{src: src, lex: newLexer(src.Text, escape), lines: lineStarts(src.Text),
		sh: syntax.NewParser(syntax.Variant(syntax.LangBash))}
	k := &skeleton{script: s}
	whole := &text{}
	whole.add(src.Text, 0, len(src.Text))
	from := 0
	if bytes.HasPrefix(src.Text, byteOrderMark) {
		from = len(byteOrderMark)
	}
	k.scan(newView(whole, escape, true), from, len(src.Text))
	var shell *syntax.File
	if len(s.errs) == 0 {
		shell = k.parse()
	}
	if main && len(s.errs) == 0 {
		s.checkMain(shell)
	}
	if len(s.errs) > 0 {
		return nil, k, errors.Join(s.errs...)
	}
	return &File{Source: src, Escape: escape, Shell: shell, Instructions: s.number(first)}, k, nil
}

// number puts the instructions into the source's order and marks their commands.
func (s *script) number(first int) []*Instruction {
	slices.SortFunc(s.cuts, func(a, b *cut) int { return cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset) })
	var all []*Instruction
	for i, c := range s.cuts {
		word := c.call.Args[0]
		c.call.Args = []*syntax.Word{word, literal(InstructionMark+strconv.Itoa(first+i), word.Pos(), word.End())}
		all = append(all, &c.Instruction)
	}
	return all
}

func literal(value string, pos, end syntax.Pos) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{ValuePos: pos, ValueEnd: end, Value: value}}}
}

// fail notes an error at source[start:end].
func (s *script) fail(start, end int, op, hint string, err error) {
	s.errs = append(s.errs, &diag.Error{Source: s.src, Span: s.src.Span(start, end), Op: op, Err: err, Hint: hint})
}

// capitals finds what may be an instruction word.
var capitals = pattern.Lazy(`[A-Z]+`)

// onlyLines matches what may stand between two instructions that are surely in the same list of statements.
var onlyLines = pattern.Lazy(`^(?:[ \t\r]*(?:#[^\n]*)?\n)+[ \t]*$`)

// scan copies v.b[from:to] to the skeleton, without the instructions in it.
func (k *skeleton) scan(v view, from, to int) {
	ahead, copied := from, from // copied: up to where v is in the skeleton already
	after := 0                  // where the last instruction ended: its text says nothing about what follows
	sure := false               // it filled lines of its own
	for {
		m := capitals().FindIndex(v.b[ahead:to])
		if m == nil {
			break
		}
		start, end := ahead+m[0], ahead+m[1]
		ahead = end
		if !IsKeyword(string(v.b[start:end])) || !v.mayEnd(end, to) || !mayBegin(v.b[after:start]) {
			continue
		}
		follows := sure && onlyLines().Match(v.b[copied:start])
		k.out.addText(v.text, copied, start)
		copied = start
		if !follows && !k.startsCommand() {
			continue
		}
		ownLine := follows || ownsLine(v.b[after:start])
		next, whole := k.cut(v, start, end, to)
		sure = ownLine && whole
		ahead, copied, after = next, next, next
	}
	k.out.addText(v.text, copied, to)
}

// mayEnd reports whether a command's first word can end at b[end]. A continued line ends it only if the
// next one does not go on with the word.
func (v view) mayEnd(end, to int) bool {
	rest := v.b[end:to]
	if len(rest) > 0 && rest[0] == byte(v.lex.escape) {
		rest = newLexer(v.b[:to], v.lex.escape).logical(end).joined.b
	}
	return len(rest) == 0 || strings.IndexByte(" \t\r\n;&|()`", rest[0]) >= 0
}

// before are the words after which a command begins.
var before = []string{"then", "do", "else", "if", "elif", "while", "until", "time", "!", "{", "${", "-p"}

// mayBegin reports whether a command can begin after text. It is only there to save work: it must not
// say no where one can.
func mayBegin(text []byte) bool {
	trimmed := bytes.TrimRight(text, " \t")
	for bytes.HasSuffix(trimmed, []byte("\\\n")) || bytes.HasSuffix(trimmed, []byte("\\\r\n")) {
		trimmed = bytes.TrimRight(bytes.TrimRight(trimmed, "\r\n")[:len(bytes.TrimRight(trimmed, "\r\n"))-1], " \t")
	}
	if len(trimmed) == 0 {
		return true
	}
	if strings.IndexByte("\n;&|()`", trimmed[len(trimmed)-1]) >= 0 || bytes.Equal(trimmed, byteOrderMark) {
		return true
	}
	if len(trimmed) == len(text) {
		return false
	}
	word := trimmed[bytes.LastIndexAny(trimmed, " \t\n;&|()`\"=")+1:]
	return slices.Contains(before, string(word))
}

// ownsLine reports whether only blanks stand before the end of text on its line, and the line is no
// continuation, so that no here-document can be waiting for the line's end.
func ownsLine(text []byte) bool {
	trimmed := bytes.TrimRight(text, " \t")
	above, ok := bytes.CutSuffix(trimmed, []byte{'\n'})
	return ok && !bytes.HasSuffix(bytes.TrimSuffix(above, []byte{'\r'}), []byte{'\\'})
}
