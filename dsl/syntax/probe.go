package syntax

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The parser is asked what it makes of the place where the skeleton ends by putting a word there that it
// refuses in some places only, and looking whether it stops right at that word. What comes before need
// not be complete: the first error ends the parsing.

// probe parses the skeleton's open end and the words. It returns where the first error is, counted from
// the first of the words, and its text; at is -1 if there is none, or if it is further up.
func (k *skeleton) probe(words string) (at int, message string) {
	end := len(k.out.b) - k.base
	stmts, err := parseStmts(k.sh, io.MultiReader(bytes.NewReader(k.out.b[k.base:]), strings.NewReader(words)))
	k.advance(stmts)
	var perr syntax.ParseError
	if !errors.As(err, &perr) || int(perr.Pos.Offset()) < end {
		return -1, ""
	}
	return int(perr.Pos.Offset()) - end, perr.Text
}

// advance moves base to the last of the statements that a newline precedes: no here-document is open there.
func (k *skeleton) advance(stmts []*syntax.Stmt) {
	base := k.base
	for i, s := range stmts {
		if i > 0 && !stmts[i-1].Semicolon.IsValid() {
			base = k.base + int(s.Pos().Offset())
		}
	}
	k.base = min(base, len(k.out.b))
}

// startsCommand reports whether a word put at the end of the skeleton is the first word of a command.
// "]]" is refused there, and nowhere else: elsewhere it is a word or closes a test.
func (k *skeleton) startsCommand() bool {
	at, message := k.probe("]]")
	return at == 0 && strings.Contains(message, "close a test")
}

// closes reports whether word, which closes a block, would close the innermost block that is open at the
// end of the skeleton.
func (k *skeleton) closes(word string) bool {
	if word == "else" { // stands where elif does, but the parser takes it for a command elsewhere
		word = "elif"
	}
	const list = ":;"
	if strings.HasPrefix(word, ";") {
		at, message := k.probe(": ;;")
		return at != 2 || !strings.Contains(message, "can only")
	}
	at, message := k.probe(list + word)
	return at != len(list) || !strings.Contains(message, "can only")
}

// inBackquotes reports whether the end of the skeleton is within `…`.
func (k *skeleton) inBackquotes() bool {
	if bytes.IndexByte(k.out.b[k.base:], '`') < 0 {
		return false
	}
	at, message := k.probe(":`")
	return at != 1 || !strings.Contains(message, "closing quote")
}

// parseStmts returns the statements up to the first error, and the error.
func parseStmts(p *syntax.Parser, r io.Reader) ([]*syntax.Stmt, error) {
	var stmts []*syntax.Stmt
	var first error
	for s, err := range p.StmtsSeq(r) {
		// The loop goes on after an error, for the parser calls once more; it reads nothing then.
		if err != nil && first == nil {
			first = err
		}
		if first == nil {
			stmts = append(stmts, s)
		}
	}
	return stmts, first
}
