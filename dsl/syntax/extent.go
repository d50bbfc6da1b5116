package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/internal/pattern"
)

// extent is how far an instruction reaches in its logical line.
type extent struct {
	end    int            // of the instruction
	close  int            // where the closing word stands; the line's end if none does
	word   string         // the closing word, or ""
	stmts  []*syntax.Stmt // what the shell sees from `from` up to close
	from   int
	broken error // why that is no complete shell text
}

// closer matches what can close a block.
var closer = pattern.Lazy(`^(?:(done|fi|esac|then|do|elif|\})(?:[\s;&|()<>]|$)|(\)|;;&|;;|;&))`)

// elseWord finds else where it can begin a statement.
var elseWord = pattern.Lazy(`[;&)}\s](else)(?:[\s;&|()<>]|$)`)

// reach finds where the instruction that begins the joined line ends. The text from from on is a list of
// statements. The skeleton must end right before the instruction.
func (k *skeleton) reach(b []byte, from int) extent {
	x := extent{end: len(b), close: len(b), from: from}
	var at int
	var word string
	x.stmts, at, word, x.broken = k.closing(b, from)
	if word == "" || !k.closes(word) {
		return x
	}
	x.close, x.word = at, word
	x.stmts, x.broken = parseStmts(k.sh, bytes.NewReader(b[from:at]))
	x.end = at
	if n := len(x.stmts); n > 0 {
		// The ; before the closing word is the shell's. An & there is the instruction's.
		last := x.stmts[n-1]
		if semi := from + int(last.Semicolon.Offset()); last.Semicolon.IsValid() && b[semi] == ';' &&
			len(bytes.TrimSpace(b[semi+1:at])) == 0 {
			x.end = semi
		}
	}
	x.end = len(bytes.TrimRight(b[:x.end], " \t"))
	return x
}

// closing parses b[from:] up to a word or bracket that closes a block which was not opened in it.
func (k *skeleton) closing(b []byte, from int) (stmts []*syntax.Stmt, at int, word string, err error) {
	stmts, err = parseStmts(k.sh, bytes.NewReader(b[from:]))
	at = len(b)
	if perr, ok := stops(err); ok {
		stop := min(from+int(perr.Pos.Offset()), len(b))
		if m := closer().FindSubmatch(b[stop:]); m != nil {
			at, word = stop, string(m[1])+string(m[2])
		}
	}
	// The parser takes else for a command. elif in its place is refused, but not in an if of the text's own.
	for off := from; ; {
		m := elseWord().FindSubmatchIndex(b[off:at])
		if m == nil {
			return stmts, at, word, err
		}
		o := off + m[2]
		_, stop := parseStmts(k.sh, strings.NewReader(string(b[from:o])+"elif"))
		if perr, ok := stops(stop); ok && int(perr.Pos.Offset()) == o-from {
			return stmts, o, "else", stop
		}
		off = o + 1
	}
}

// stops says whether the parser stopped at a word, and not for want of one.
func stops(err error) (syntax.ParseError, bool) {
	var perr syntax.ParseError
	ok := errors.As(err, &perr) && !strings.Contains(perr.Text, "must be followed by")
	return perr, ok
}

// shellFrom returns where in an instruction that is not expanded the image's shell begins to read: after the
// keyword and its flags. The words of EXEC are no shell text, so for the parser they stay words.
func shellFrom(b []byte, keyword string) int {
	if keyword == "EXEC" {
		return 0
	}
	rest := string(b[len(keyword):])
	for keyword == "ONBUILD" {
		next, after := cutWord(rest)
		if !isDockerfileWord(next) {
			break
		}
		keyword, rest = strings.ToUpper(next), after
	}
	rest = cutFlags(rest)
	if keyword == "HEALTHCHECK" {
		if _, after := cutWord(rest); after != "" {
			rest = after
		}
	}
	if rest == "" || strings.HasPrefix(rest, ";") {
		return 0
	}
	return len(b) - len(rest)
}

// checkWords finds what must not stand on the line of an instruction that runs nothing. It returns where
// the instruction's words end.
func (x extent) checkWords(b []byte, keyword string) (end int, wrong *fault) {
	if len(x.stmts) == 0 {
		return 0, x.shellFault(keyword)
	}
	first := x.stmts[0]
	if op := first.Cmd; op != nil {
		for {
			pair, ok := op.(*syntax.BinaryCmd)
			if !ok {
				break
			}
			first = &syntax.Stmt{Semicolon: pair.OpPos}
			op = pair.X.Cmd
		}
	}
	if first.Semicolon.IsValid() {
		at := x.from + int(first.Semicolon.Offset())
		if !(x.word != "" && len(x.stmts) == 1 && b[at] == ';' && first.Cmd != nil) {
			return 0, operatorFault(b, at, keyword)
		}
	}
	if x.broken != nil {
		return 0, x.shellFault(keyword)
	}
	if len(first.Redirs) > 0 {
		r := first.Redirs[0]
		at := x.from + int(r.OpPos.Offset())
		if strings.HasPrefix(string(b[at:]), "<<") {
			return 0, &fault{at: at, len: len(r.Op.String()), err: fmt.Errorf("%s is no heredoc here", r.Op),
				hint: "Dockerfile wants the name right after it, as in <<EOF, and only in RUN, COPY and ADD"}
		}
		return 0, &fault{at: at, len: len(r.Op.String()), err: fmt.Errorf("%s has no meaning here: %s runs nothing", r.Op, keyword),
			hint: fmt.Sprintf("quote it if it is part of a word, as in '%s'", r.Op)}
	}
	call, ok := first.Cmd.(*syntax.CallExpr)
	if !ok {
		return 0, &fault{at: 0, len: len(keyword), err: errors.New("not words")}
	}
	return x.from + int(call.End().Offset()), nil
}

// fault is an error in a logical line; at counts from its start.
type fault struct {
	at, len int
	err     error
	hint    string
}

func operatorFault(b []byte, at int, keyword string) *fault {
	op := operator().FindString(string(b[at:]))
	return &fault{at: at, len: len(op), err: fmt.Errorf("%s after an instruction that runs nothing", op),
		hint: fmt.Sprintf("put what follows on its own line, or quote the %s if it is part of a word", op)}
}

var operator = pattern.Lazy(`^(?:;|&&|\|\||\|&|&|\|)`)

func (x extent) shellFault(keyword string) *fault {
	f := &fault{len: len(keyword), err: errors.New("not words")}
	if x.broken == nil {
		return f
	}
	var perr syntax.ParseError
	f.err = x.broken
	if errors.As(x.broken, &perr) {
		f.at, f.len, f.err = x.from+int(perr.Pos.Offset()), 1, errors.New(perr.Text)
	}
	f.hint = "in a script the words are the shell's: quote what holds one of its special characters"
	return f
}
