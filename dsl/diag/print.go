package diag

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
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
	fmt.Fprintln(w, paint(bold, strings.Map(printable, first)))
	if at != nil {
		line, mark := excerpt(at.Source, at.Span)
		if line != "" {
			fmt.Fprintf(w, "    %s\n    %s\n", line, paint(red, mark))
		}
	}
	if at != nil {
		for _, call := range at.Trail {
			fmt.Fprintln(w, "  called from "+call.String())
		}
		printBranches(w, at.Branches)
	}
	if rest != "" {
		fmt.Fprintln(w, strings.TrimRight(rest, "\n"))
	}
	if hint := HintOf(err); hint != "" {
		fmt.Fprintln(w, paint(cyan, "hint:")+" "+hint)
	}
}

// printBranches says which branches an error ended: in one line, if it holds them all.
func printBranches(w io.Writer, branches []string) {
	if len(branches) == 0 {
		return
	}
	named := make([]string, 0, len(branches))
	for _, b := range branches {
		if b != "" {
			named = append(named, strings.Map(printable, b))
		}
	}
	head := fmt.Sprintf("  in %d branches", len(branches))
	line := strings.Join(named, ", ")
	switch {
	case line == "":
		fmt.Fprintln(w, head)
	case len(head)+len(line) <= excerptWidth:
		fmt.Fprintln(w, head+": "+line)
	default:
		fmt.Fprintln(w, head+":")
		for _, b := range named {
			fmt.Fprintln(w, "    "+b)
		}
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
	line = strings.Map(printable, string(head)+string(word)+string(tail))
	return line, under(head, " ") + cmp.Or(under(word, "^"), "^")
}

// under gives what stands under text on a terminal: a mark for each column, and tabs as they are.
func under(text []rune, mark string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteString(strings.Repeat(mark, columns(printable(r))))
		}
	}
	return b.String()
}

// columns is how wide a terminal shows a character.
func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0xff61 && r <= 0xffdc: // halfwidth forms
		return 1
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Yi),
		r >= 0x3000 && r <= 0x303e, r >= 0xff01 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, // punctuation
		r >= 0x1f300 && r <= 0x1f64f, r >= 0x1f680 && r <= 0x1f6ff, r >= 0x1f900 && r <= 0x1faff: // emoji
		return 2
	}
	return 1
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

// printable keeps a source from sending commands to the terminal, and from showing its text in another
// order than it is read.
func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || unicode.Is(unicode.Bidi_Control, r) {
		return utf8.RuneError
	}
	return r
}
