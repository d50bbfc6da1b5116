package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/internal/pattern"
)

// shellError turns an error of the shell's parser into ours, with advice.
func (k *skeleton) shellError(err error) {
	var perr syntax.ParseError
	var lerr syntax.LangError
	switch {
	case errors.As(err, &perr):
	case errors.As(err, &lerr):
		perr = syntax.ParseError{Pos: lerr.Pos, Text: lerr.Feature + ": not in this shell language (Bash)"}
	default:
		k.fail(0, 0, "", "", err)
		return
	}
	off := min(int(perr.Pos.Offset()), len(k.out.b))
	at := k.out.pos(off)
	if c := k.unclosedHeredoc(off, perr.Text); c != nil {
		return
	}
	token := shellToken().Find(k.src.Text[min(at, len(k.src.Text)):])
	k.fail(at, at+max(1, len(token)), "", k.adviseShell(at, perr.Text), errors.New(perr.Text))
}

// shellToken is what the mark of an error goes under.
var shellToken = pattern.Lazy(`^(?:[A-Za-z_0-9]+|;;&|;;|;&|&&|\|\||<<-?|\$\(|\$\{|.)`)

// unclosedHeredoc reports a heredoc of an instruction whose end is missing.
func (k *skeleton) unclosedHeredoc(off int, message string) *cut {
	if !strings.Contains(message, "here-document") {
		return nil
	}
	at := k.out.pos(off)
	for _, c := range k.cuts {
		for _, d := range c.docs {
			if d.src != at {
				continue
			}
			k.fail(at, at+len("<<")+len(d.Name), c.Keyword, fmt.Sprintf("end it with a line that holds %s alone", d.Name),
				fmt.Errorf("heredoc %s is not closed", d.Name))
			return c
		}
	}
	return nil
}

// adviseShell says what may be behind an error of the shell's parser at source offset at.
func (k *skeleton) adviseShell(at int, message string) string {
	before, after := k.lastBroken(at)
	switch {
	case strings.Contains(message, "can only be used") && before != nil:
		// for … do on a RUN line, its done on a line that RUN does not reach
		return fmt.Sprintf("%s on line %d ends with its line: end the lines of its text with %c, or use %s <<EOF",
			before.Keyword, before.Span.Start.Line, k.lex.escape, before.Keyword)
	case strings.Contains(message, "must end with"), strings.Contains(message, "without matching"), strings.Contains(message, "must be followed by"):
		if after != nil {
			return fmt.Sprintf("%s on line %d takes the whole of its line, as its text does not end before: %s",
				after.Keyword, after.Span.Start.Line, reason(after.broken))
		}
		if c, word := k.swallowed(at); c != nil {
			return fmt.Sprintf("%s on line %d takes the %s too: put a ; before it", c.Keyword, c.Span.Start.Line, word)
		}
		if m := unclosed().FindStringSubmatch(message); m != nil {
			return fmt.Sprintf("it goes on to the end of the file: close it with %s", m[1])
		}
	case strings.Contains(message, "closing quote"):
		return "close the quote; an apostrophe that is only text needs a backslash or double quotes"
	case strings.Contains(message, "here-document"):
		return "end it with a line that holds its name alone"
	}
	return ""
}

// unclosed is the shell parser's message about a block without its end.
var unclosed = pattern.Lazy("must end with `(.*)`$")

// reason returns the shell's message without its position.
func reason(err error) string {
	var perr syntax.ParseError
	if errors.As(err, &perr) {
		return perr.Text
	}
	return err.Error()
}

// lastBroken returns the instructions nearest before and after an offset that took their whole line since
// it is no complete shell text.
func (k *skeleton) lastBroken(at int) (before, after *cut) {
	for _, c := range k.cuts {
		if c.broken == nil {
			continue
		}
		if c.Span.Start.Offset < at {
			before = c
		} else if after == nil {
			after = c
		}
	}
	return before, after
}

var lastWord = pattern.Lazy(`\s(done|fi|esac|\})\s*$`)

// swallowed finds an instruction after at whose last word looks like what should close the block.
func (k *skeleton) swallowed(at int) (*cut, string) {
	for _, c := range k.cuts {
		if m := lastWord().FindStringSubmatch(c.Text); m != nil && c.Span.Start.Offset > at {
			return c, m[1]
		}
	}
	return nil, ""
}

// checkMain refuses a script that can do nothing, and words in capitals that nothing gives a meaning.
func (s *script) checkMain(f *syntax.File) {
	functions := map[string]bool{}
	reaches := len(s.cuts) > 0 // an instruction
	open := false              // other text may define functions
	hint := "start with FROM, as in: FROM builtin:toybox"
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			if n.Name != nil {
				functions[n.Name.Value] = true
			}
		case *syntax.CallExpr:
			if len(n.Args) == 0 {
				break
			}
			switch n.Args[0].Lit() {
			case ".", "source", "eval", "alias":
				open = true
			}
			if word := n.Args[0].Lit(); isDockerfileWord(word) {
				hint = fmt.Sprintf("in a script the instruction words are in capitals: %s", strings.ToUpper(word))
			}
		case *syntax.Lit:
			reaches = reaches || IsKeyword(n.Value)
		}
		return true
	})
	if open {
		return
	}
	before := len(s.errs)
	defer func() {
		if !reaches && len(s.errs) == before {
			s.fail(0, 0, "", hint, errors.New("no instruction in the file"))
		}
	}()
	syntax.Walk(f, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		word := call.Args[0].Lit()
		if IsKeyword(word) || functions[word] || len(word) < 3 || strings.ToUpper(word) != word || !letters().MatchString(word) {
			return true
		}
		if diag.Nearest(word, Keywords) != "" {
			start := int(call.Args[0].Pos().Offset())
			s.fail(start, start+len(bytes.TrimSpace([]byte(word))), "", "", UnknownCommand(word))
		}
		return true
	})
}
