package diag

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	bold  = "\x1b[1m"
	red   = "\x1b[1;31m"
	cyan  = "\x1b[36m"
	plain = "\x1b[0m"
)

// Print writes err for a person: the position and the message, the line of the source with a mark under
// the place, and the hint. Joined errors are written one after the other. An error without a position
// is written as "shbuild: message". color adds a terminal's colours.
func Print(w io.Writer, err error, color bool) {
	if err == nil {
		return
	}
	paint := func(style, s string) string {
		if !color || s == "" {
			return s
		}
		return style + s + plain
	}
	for _, e := range split(err) {
		printOne(w, e, paint)
	}
}

func printOne(w io.Writer, err error, paint func(style, s string) string) {
	var at *Error
	message := err.Error()
	if !errors.As(err, &at) || at.Source == nil {
		at = nil
		message = "shbuild: " + message
	}
	// What a program printed may stand in the message: only its first line is ours.
	first, rest, _ := strings.Cut(message, "\n")
	fmt.Fprintln(w, paint(bold, first))
	if at != nil {
		line, mark := excerpt(at.Source, at.Span)
		if line != "" {
			fmt.Fprintf(w, "    %s\n    %s\n", line, paint(red, mark))
		}
	}
	if rest != "" {
		fmt.Fprintln(w, strings.TrimRight(rest, "\n"))
	}
	if hint := HintOf(err); hint != "" {
		fmt.Fprintln(w, paint(cyan, "hint:")+" "+hint)
	}
}

// excerptWidth keeps an excerpt on one line of a terminal, so that the mark stays under its word.
const excerptWidth = 100

// excerpt returns the line on which the span starts and a line of carets under it. Of a long line it
// returns the part around the span. Tabs are kept in both, so that they line up whatever their width.
func excerpt(s *Source, span Span) (line, mark string) {
	text, start := s.line(span.Start.Offset)
	if len(bytes.TrimSpace(text)) == 0 {
		return "", ""
	}
	from := max(0, min(span.Start.Offset-start, len(text)))
	to := max(from, min(span.End.Offset-start, len(text)))
	if indent := len(text) - len(bytes.TrimLeft(text, " \t")); indent <= from {
		text, from, to = text[indent:], from-indent, to-indent
	}
	head, word, tail := []rune(string(text[:from])), []rune(string(text[from:to])), []rune(string(text[to:]))
	if len(head)+len(word)+len(tail) > excerptWidth {
		head, word, tail = clip(head, word, tail)
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return '\t'
		}
		return ' '
	}, string(head))
	line = strings.Map(printable, string(head)+string(word)+string(tail))
	return line, pad + strings.Repeat("^", max(1, len(word)))
}

// clip shortens a long line to what is around the word.
func clip(head, word, tail []rune) (h, w, t []rune) {
	const before = excerptWidth / 3
	if len(head) > before {
		head = append([]rune("…"), head[len(head)-before:]...)
	}
	if room := excerptWidth - len(head); len(word) > room {
		return head, append(word[:room:room], '…'), nil
	}
	if room := excerptWidth - len(head) - len(word); len(tail) > room {
		tail = append(tail[:room:room], '…')
	}
	return head, word, tail
}

// printable keeps a source from sending commands to the terminal.
func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return utf8.RuneError
	}
	return r
}
