package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/internal/pattern"
)

// isPlain reports whether every line is one of Dockerfile's instructions, in any letter case.
func isPlain(lines []line) bool {
	return !slices.ContainsFunc(lines, func(l line) bool { return !isDockerfileWord(l.word()) })
}

func isDockerfileWord(word string) bool {
	return slices.Contains(DockerfileKeywords, strings.ToUpper(word))
}

var letters = pattern.Lazy(`^[A-Za-z]+$`)

// misspelt returns the lines that begin with no known instruction, if the file can only be a Dockerfile
// with a slip of the pen: it has at least one instruction and no trace of the shell language, so nothing
// in it could give those words a meaning. In any other file an unknown word may be a function or a
// program, and only running it tells.
func misspelt(lines []line) []line {
	var wrong []line
	known, capitals := false, false
	for _, l := range lines {
		word := l.word()
		switch {
		case isDockerfileWord(word), IsKeyword(word):
			known = true
			capitals = capitals || word == strings.ToUpper(word)
		case !letters().MatchString(word), syntax.IsKeyword(word), interp.IsBuiltin(word), declares(word):
			return nil
		case looksLikeInstruction(word, capitals):
			wrong = append(wrong, l)
		}
	}
	if !known && len(lines) > 1 {
		return nil
	}
	return wrong
}

// declares says which words the shell's parser takes apart from other commands, so that they are in no
// list of builtins.
func declares(word string) bool {
	switch word {
	case "declare", "local", "export", "readonly", "typeset", "nameref", "let", "time", "coproc":
		return true
	}
	return false
}

// looksLikeInstruction takes words in capitals, and those that are nearly an instruction. Where the
// instructions are in capitals, a short word that is not may be a program: dd, cmp.
func looksLikeInstruction(word string, capitals bool) bool {
	if strings.ToUpper(word) == word {
		return len(word) > 1
	}
	return (!capitals || len(word) > 3) && diag.Nearest(word, Keywords) != ""
}

// UnknownCommand is the error for a word that is neither an instruction nor a command.
func UnknownCommand(word string) error {
	if near := diag.Nearest(word, Keywords); near != "" {
		return fmt.Errorf("unknown instruction or command: %s (did you mean %s?)", word, near)
	}
	return fmt.Errorf("unknown instruction or command: %s", word)
}

// readPlain reads a plain Dockerfile with BuildKit's parser.
func readPlain(src *diag.Source, escape rune) (*File, error) {
	result, err := parser.Parse(bytes.NewReader(src.Text))
	if err != nil {
		return nil, plainError(src, escape, err)
	}
	f := &File{Source: src, Plain: true, Escape: escape}
	for _, w := range result.Warnings { // of one kind
		f.EmptyLines = append(f.EmptyLines, w.Location.Start.Line)
	}
	x := newLexer(src.Text, escape)
	starts := lineStarts(src.Text)
	for _, node := range result.AST.Children {
		at := x.skip(starts[node.StartLine-1])
		if node.Value == "" { // the last line: BuildKit takes it for an instruction too
			return nil, &diag.Error{Source: src, Span: src.Span(at, at+1), Err: errors.New("a line goes on, but nothing follows"),
				Hint: fmt.Sprintf("remove the %c", escape)}
		}
		l := x.logical(at)
		start := l.joined.pos(bytes.IndexFunc(l.joined.b, notSpace))
		end := len(src.Text)
		if node.EndLine < len(starts) {
			end = starts[node.EndLine]
		}
		end = start + len(bytes.TrimRight(src.Text[start:end], "\r\n"))
		f.Instructions = append(f.Instructions, &Instruction{
			Keyword:  strings.ToUpper(node.Value),
			Text:     string(src.Text[start:end]),
			Span:     src.Span(start, end),
			Comments: node.PrevComment,
		})
	}
	return f, nil
}

func notSpace(r rune) bool { return !strings.ContainsRune(" \t\v\f\r\n\u0085\u00a0", r) }

// lineStarts returns where each line starts.
func lineStarts(text []byte) []int {
	starts := []int{0}
	for i, b := range text {
		if b == '\n' && i+1 < len(text) {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// plainError puts an error of BuildKit's parser at the instruction it is about.
func plainError(src *diag.Source, escape rune, err error) error {
	out := &diag.Error{Source: src, Err: err}
	var at *parser.LocationError
	if !errors.As(err, &at) || len(at.Locations) == 0 || len(at.Locations[0]) == 0 {
		return out
	}
	out.Err = at.Unwrap()
	starts := lineStarts(src.Text)
	n := max(0, min(at.Locations[0][0].Start.Line-1, len(starts)-1))
	x := newLexer(src.Text, escape)
	start := x.skip(starts[n])
	if start >= len(src.Text) {
		return out
	}
	l := x.logical(start)
	out.Span = src.Span(start, l.end)
	out.Op = strings.ToUpper(l.word())
	if docs, _ := heredocs(string(l.joined.b)); strings.Contains(out.Err.Error(), "unterminated heredoc") && len(docs) > 0 {
		out.Hint, out.Err = unclosedHeredoc(x, l.next, docs)
	} else if bytes.Contains(l.joined.b, []byte("$(")) && !raw(out.Op) {
		out.Hint = "$(…) is for scripts: with nothing but Dockerfile's instructions in it, the file is a plain Dockerfile"
	}
	return out
}

// unclosedHeredoc says which of the heredocs whose bodies start at off has no end.
func unclosedHeredoc(x *lexer, off int, docs []parser.Heredoc) (hint string, err error) {
	for _, doc := range docs {
		end, next := x.body(off, doc)
		if end == next {
			err = fmt.Errorf("heredoc %s is not closed", doc.Name)
			hint = fmt.Sprintf("end it with a line that holds %s alone", doc.Name)
			if strings.ContainsAny(doc.Name, ";&|()<>") {
				hint = fmt.Sprintf("Dockerfile takes %s, up to the next blank, as the heredoc's name: put a blank after the name", doc.Name)
			}
			return hint, err
		}
		off = next
	}
	return "", errors.New("unterminated heredoc")
}
