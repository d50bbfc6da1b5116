package text

import (
	"fmt"
	"regexp"
	"strings"
)

// Compile makes a regular expression of a POSIX one: basic, or extended. Flags are Go's ("i",
// "s", "m"). It finds the leftmost longest match, as POSIX wants; what cannot be had in linear
// time, back-references within the pattern, is an error.
func Compile(pattern string, extended bool, flags string) (*regexp.Regexp, error) {
	t := translator{in: pattern, extended: extended}
	if err := t.run(); err != nil {
		return nil, fmt.Errorf("'%s': %w", pattern, err)
	}
	text := t.out.String()
	if flags != "" {
		text = "(?" + flags + ")" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("'%s': invalid regular expression", pattern)
	}
	re.Longest()
	return re, nil
}

// translator rewrites a POSIX pattern in Go's syntax.
type translator struct {
	in       string
	at       int
	extended bool
	out      strings.Builder
	start    bool // nothing stands before in this branch: "*" is a star, "^" an anchor
	starred  bool // a repetition was just written; another changes nothing
}

func (t *translator) run() error {
	t.start = true
	for t.at < len(t.in) {
		c := t.in[t.at]
		t.at++
		start := t.start
		t.start = false
		var err error
		switch {
		case c == '\\':
			err = t.escape()
		case c == '[':
			err = t.bracket()
		case c == '.':
			t.atom(".")
		case c == '*':
			t.star(start)
		case c == '^' && (start || t.extended):
			t.out.WriteByte('^')
			t.start = true
		case c == '$' && (t.extended || t.atEnd()):
			t.out.WriteByte('$')
		case t.extended && strings.IndexByte("(){|+?", c) >= 0:
			t.operator(c)
		default:
			t.atom(regexp.QuoteMeta(t.in[t.at-1 : t.at]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *translator) atom(text string) {
	t.starred = false
	t.out.WriteString(text)
}

func (t *translator) star(start bool) {
	switch {
	case start:
		t.atom(`\*`)
	case !t.starred:
		t.out.WriteByte('*')
		t.starred = true
	}
}

// atEnd reports whether a basic pattern's branch ends here, so that "$" is an anchor.
func (t *translator) atEnd() bool {
	rest := t.in[t.at:]
	return rest == "" || strings.HasPrefix(rest, `\)`) || strings.HasPrefix(rest, `\|`)
}

// operator writes one of (){|+? in its special meaning.
func (t *translator) operator(c byte) {
	switch c {
	case '(', '|':
		t.start = true
		t.atom(string(rune(c)))
	case '{':
		end := strings.IndexByte(t.in[t.at:], '}')
		if end < 0 || strings.Trim(t.in[t.at:t.at+end], "0123456789,") != "" || end == 0 {
			t.atom(`\{`)
			return
		}
		bounds := strings.TrimSuffix(t.in[t.at:t.at+end], `\`)
		if bounds[0] == ',' {
			bounds = "0" + bounds
		}
		t.out.WriteString("{" + bounds + "}")
		t.at += end + 1
		t.starred = true
	case '+', '?':
		if !t.starred {
			t.out.WriteByte(c)
			t.starred = true
		}
	default:
		t.atom(string(rune(c)))
	}
}

// escape translates what stands after a backslash.
func (t *translator) escape() error {
	if t.at == len(t.in) {
		return fmt.Errorf("trailing backslash")
	}
	c := t.in[t.at]
	t.at++
	switch {
	case c >= '1' && c <= '9':
		return fmt.Errorf("back-references are not supported")
	case !t.extended && c == '{':
		end := strings.Index(t.in[t.at:], `\}`)
		if end < 0 {
			return fmt.Errorf(`unmatched \{`)
		}
		t.in = t.in[:t.at+end] + t.in[t.at+end+1:] // the operator looks for a bare }
		t.operator('{')
	case !t.extended && strings.IndexByte("()|+?", c) >= 0:
		t.operator(c)
	case c == '<' || c == '>':
		t.atom(`\b`)
	case strings.IndexByte("wWsSbB", c) >= 0:
		t.atom(`\` + string(rune(c)))
	case strings.IndexByte("nrtfv", c) >= 0:
		t.atom(`\` + string(rune(c)))
	case c == 'x' && hexByte(t.in[t.at:]) != "":
		t.atom(`\x` + hexByte(t.in[t.at:]))
		t.at += 2
	case c == '`':
		t.atom(`\A`)
	case c == '\'':
		t.atom(`\z`)
	default:
		t.atom(regexp.QuoteMeta(string(rune(c))))
	}
	return nil
}

// bracket copies a bracket expression. In POSIX a backslash has no meaning there; \n, \t and \]
// are taken as GNU sed takes them.
func (t *translator) bracket() error {
	var b strings.Builder
	b.WriteByte('[')
	if strings.HasPrefix(t.in[t.at:], "^") {
		b.WriteByte('^')
		t.at++
	}
	for first := true; t.at < len(t.in); first = false {
		rest := t.in[t.at:]
		switch {
		case rest[0] == ']' && !first:
			t.at++
			b.WriteByte(']')
			t.atom(b.String())
			return nil
		case strings.HasPrefix(rest, "[:") && strings.Contains(rest, ":]"):
			end := strings.Index(rest, ":]") + 2
			b.WriteString(rest[:end])
			t.at += end
		case strings.HasPrefix(rest, `\n`), strings.HasPrefix(rest, `\t`), strings.HasPrefix(rest, `\]`):
			b.WriteString(rest[:2])
			t.at += 2
		case strings.IndexByte(`[]\^&~`, rest[0]) >= 0:
			b.WriteString(`\` + rest[:1])
			t.at++
		default:
			b.WriteByte(rest[0])
			t.at++
		}
	}
	return fmt.Errorf("unmatched [")
}

// hexByte is the two hexadecimal digits at the start of a text, or "".
func hexByte(text string) string {
	if len(text) < 2 || strings.Trim(text[:2], "0123456789abcdefABCDEF") != "" {
		return ""
	}
	return text[:2]
}
