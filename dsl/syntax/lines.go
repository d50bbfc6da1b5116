package syntax

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Dockerfile's logical lines, as BuildKit's parser joins them, but with the place of every byte.

var byteOrderMark = []byte("\uFEFF")

// dockerSpace is what BuildKit splits an instruction's words at.
const dockerSpace = "\t\v\f\r "

// line is a logical line that is neither blank nor a comment.
type line struct {
	joined     *text
	start, end int // of the line in the source, without its last newline
	next       int // where the next line starts, heredocs not counted
}

// word returns the line's first word.
func (l line) word() string { return firstWord(string(l.joined.b)) }

func firstWord(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, dockerSpace); i >= 0 {
		s = s[:i]
	}
	return s
}

// lexer reads logical lines.
type lexer struct {
	source    []byte
	escape    rune
	continues *regexp.Regexp // a physical line that goes on with the next one
}

func newLexer(source []byte, escape rune) *lexer {
	e := regexp.QuoteMeta(string(escape))
	return &lexer{
		source:    source,
		escape:    escape,
		continues: regexp.MustCompile(`(?:^|[^` + e + `])(` + e + `[ \t]*)$`),
	}
}

// physical returns the end of the line at off without its line end, and the start of the next one.
func (x *lexer) physical(off int) (end, next int) {
	i := bytes.IndexByte(x.source[off:], '\n')
	if i < 0 {
		i, next = len(x.source)-off, len(x.source)
	} else {
		next = off + i + 1
	}
	return off + len(bytes.TrimRight(x.source[off:off+i], "\r\n")), next
}

// logical reads the logical line that starts at off, which may be within a physical line. Lines within it
// that are blank or comments do not end it.
func (x *lexer) logical(off int) line {
	l := line{joined: &text{}, start: off}
	for open := true; open && off < len(x.source); {
		end, next := x.physical(off)
		piece := x.source[off:end]
		if trimmed := bytes.TrimSpace(piece); off > l.start && (len(trimmed) == 0 || trimmed[0] == '#') {
			off = next
			continue
		}
		stop := end
		if m := x.continues.FindSubmatchIndex(piece); m != nil {
			stop = off + m[2]
		} else {
			open = false
		}
		l.joined.add(x.source, off, stop)
		l.end, l.next = end, next
		off = next
	}
	return l
}

// skip returns the offset of the first byte, from the line start off, of a logical line, or len(source).
func (x *lexer) skip(off int) int {
	for off < len(x.source) {
		if off == 0 && bytes.HasPrefix(x.source, byteOrderMark) {
			off = len(byteOrderMark)
		}
		end, next := x.physical(off)
		trimmed := bytes.TrimLeftFunc(x.source[off:end], unicode.IsSpace)
		if len(trimmed) > 0 && trimmed[0] != '#' {
			return end - len(trimmed)
		}
		off = next
	}
	return off
}

// lines reads the whole source. A heredoc that nothing ends goes on to the end of the source.
func (x *lexer) lines() []line {
	var all []line
	for off := x.skip(0); off < len(x.source); off = x.skip(off) {
		l := x.logical(off)
		off = l.next
		if len(bytes.TrimSpace(l.joined.b)) == 0 {
			continue
		}
		docs, _ := heredocs(string(l.joined.b))
		for _, doc := range docs {
			_, off = x.body(off, doc)
		}
		all = append(all, l)
	}
	return all
}

// body reads a heredoc's body from the line start off: where it ends, and where the line after the word
// that ends it starts. Both are the end of the source if nothing ends it.
func (x *lexer) body(off int, doc parser.Heredoc) (end, next int) {
	for off < len(x.source) {
		stop, next := x.physical(off)
		l := x.source[off:stop]
		if doc.Chomp {
			l = bytes.TrimLeft(l, "\t")
		}
		if string(l) == doc.Name {
			return off, next
		}
		off = next
	}
	return off, off
}

// heredocs returns the heredocs that Dockerfile sees in a joined line, and the words they are written as.
// Dockerfile knows no shell: any word of RUN, COPY and ADD that looks like <<NAME begins one.
func heredocs(joined string) ([]parser.Heredoc, []string) {
	args := joined
	keyword, args := cutWord(args)
	if strings.EqualFold(keyword, "ONBUILD") {
		keyword, args = cutWord(args)
	}
	if !mayHaveHeredocs(keyword) || !strings.Contains(args, "<<") || isJSON(cutFlags(args)) {
		return nil, nil
	}
	lex := shell.NewLex('\\')
	lex.RawQuotes, lex.RawEscapes, lex.SkipUnsetEnv = true, true, true
	words, _ := lex.ProcessWords(joined, shell.EnvsFromSlice(nil))
	var docs []parser.Heredoc
	var written []string
	for _, w := range words {
		if doc, err := parser.ParseHeredoc(w); err == nil && doc != nil {
			docs = append(docs, *doc)
			written = append(written, w)
		}
	}
	return docs, written
}

// cutWord cuts the first word off.
func cutWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, dockerSpace)
	if i := strings.IndexAny(s, dockerSpace); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// cutFlags cuts leading --flags off.
func cutFlags(args string) string {
	for {
		word, rest := cutWord(args)
		if !strings.HasPrefix(word, "--") {
			return strings.TrimLeft(args, dockerSpace)
		}
		args = rest
		if word == "--" {
			return strings.TrimLeft(args, dockerSpace)
		}
	}
}

// isJSON says whether operands are in the JSON form.
func isJSON(args string) bool {
	args = strings.TrimSpace(args)
	var list []string
	return strings.HasPrefix(args, "[") && json.Unmarshal([]byte(args), &list) == nil
}

// directives reads the escape character from the directives at the start of the source.
func directives(source []byte) (escape rune, off int, err error) {
	escape = parser.DefaultEscapeToken
	var p parser.DirectiveParser
	x := newLexer(source, escape)
	for off < len(source) {
		start := off
		if off == 0 && bytes.HasPrefix(source, byteOrderMark) {
			start = len(byteOrderMark)
		}
		end, next := x.physical(start)
		l := bytes.TrimLeftFunc(source[start:end], unicode.IsSpace)
		d, err := p.ParseLine(l)
		if err != nil {
			return escape, end - len(l), err
		}
		if d == nil {
			break
		}
		if d.Name == "escape" {
			if d.Value != `\` && d.Value != "`" {
				return escape, end - len(l), fmt.Errorf("escape directive: want a backslash or a backquote, not %q", d.Value)
			}
			escape = rune(d.Value[0])
		}
		off = next
	}
	return escape, off, nil
}
