package text

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// sedCommand is one command of a script.
type sedCommand struct {
	name   byte
	from   *sedAddress
	to     *sedAddress
	negate bool

	text   string        // of a, i, c
	label  string        // of b, t, T, :
	target int           // where b, t, T, { and } go on
	file   string        // of r, w, and s///w
	status int           // of q, Q
	sub    *substitution // of s
	table  map[rune]rune // of y

	active bool // inside the range
	until  int  // its last line, if that is known; 0: not
}

// sedAddress selects lines.
type sedAddress struct {
	kind byte // 'n' number, '~' first~step, '$', '/' expression, '+' count, '*' multiple
	n    int
	step int
	re   *regexp.Regexp // nil: the last one used
}

// sedParser reads a script.
type sedParser struct {
	text     string
	at       int
	extended bool
	quiet    bool // the script starts with "#n"
	commands []*sedCommand
	open     []int // braces
}

func (p *sedParser) errorf(format string, args ...any) error {
	return applet.Usagef("script, character %d: %s", p.at, fmt.Sprintf(format, args...))
}

func (p *sedParser) parse() ([]*sedCommand, error) {
	if strings.HasPrefix(p.text, "#n\n") || p.text == "#n" {
		p.quiet = true
	}
	for {
		p.skip(" \t\n;")
		if p.at == len(p.text) {
			break
		}
		if err := p.command(); err != nil {
			return nil, err
		}
	}
	if len(p.open) > 0 {
		return nil, p.errorf("unmatched {")
	}
	return p.commands, p.resolve()
}

// resolve turns labels into places in the script.
func (p *sedParser) resolve() error {
	labels := map[string]int{"": len(p.commands)}
	for i, cmd := range p.commands {
		if cmd.name == ':' {
			labels[cmd.label] = i
		}
	}
	for _, cmd := range p.commands {
		if strings.IndexByte("btT", cmd.name) < 0 {
			continue
		}
		target, known := labels[cmd.label]
		if !known {
			return applet.Usagef("can't find label for jump to '%s'", cmd.label)
		}
		cmd.target = target
	}
	return nil
}

func (p *sedParser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *sedParser) skip(set string) {
	for p.at < len(p.text) && strings.IndexByte(set, p.text[p.at]) >= 0 {
		p.at++
	}
}

// until takes what stands before any of the bytes of set.
func (p *sedParser) until(set string) string {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(set, p.text[p.at]) < 0 {
		p.at++
	}
	return p.text[start:p.at]
}

func (p *sedParser) number() (int, bool) {
	start := p.at
	for p.peek() >= '0' && p.peek() <= '9' {
		p.at++
	}
	n, err := strconv.Atoi(p.text[start:p.at])
	return n, err == nil
}

func (p *sedParser) command() error {
	cmd := &sedCommand{}
	if err := p.addresses(cmd); err != nil {
		return err
	}
	p.skip(" \t")
	for p.peek() == '!' {
		cmd.negate = true
		p.at++
		p.skip(" \t")
	}
	if p.at == len(p.text) {
		return p.errorf("missing command")
	}
	cmd.name = p.text[p.at]
	p.at++
	if cmd.name == '#' {
		if cmd.from != nil {
			return p.errorf("a comment takes no address")
		}
		p.until("\n")
		return nil
	}
	p.commands = append(p.commands, cmd)
	if err := p.arguments(cmd); err != nil {
		return err
	}
	return p.commandEnd(cmd)
}

// commandEnd sees to it that nothing follows a command but its end.
func (p *sedParser) commandEnd(cmd *sedCommand) error {
	if strings.IndexByte("{aicrw:", cmd.name) >= 0 {
		return nil
	}
	p.skip(" \t")
	if next := p.peek(); next != 0 && strings.IndexByte("\n;}#", next) < 0 {
		return p.errorf("extra characters after command")
	}
	return nil
}

func (p *sedParser) arguments(cmd *sedCommand) (err error) {
	switch cmd.name {
	case '{':
		p.open = append(p.open, len(p.commands)-1)
	case '}':
		if cmd.from != nil || len(p.open) == 0 {
			return p.errorf("unexpected }")
		}
		last := len(p.open) - 1
		p.commands[p.open[last]].target = len(p.commands)
		p.open = p.open[:last]
	case 'a', 'i', 'c':
		cmd.text, err = p.insertion()
	case ':', 'b', 't', 'T':
		p.skip(" \t")
		set := "\n;} \t"
		if cmd.name == ':' {
			set = "\n; \t"
		}
		cmd.label = p.until(set)
		if cmd.name == ':' && (cmd.label == "" || cmd.from != nil) {
			return p.errorf("':' takes a label and no address")
		}
	case 'r', 'w':
		p.skip(" \t")
		if cmd.file = p.until("\n"); cmd.file == "" {
			return p.errorf("missing file name")
		}
	case 'q', 'Q':
		p.skip(" \t")
		cmd.status, _ = p.number()
		if cmd.to != nil {
			return p.errorf("'%c' takes one address", cmd.name)
		}
	case 's':
		return p.substitution(cmd)
	case 'y':
		return p.transliteration(cmd)
	case '=', 'd', 'D', 'F', 'g', 'G', 'h', 'H', 'n', 'N', 'p', 'P', 'x', 'z':
	default:
		return p.errorf("unknown command '%c'", cmd.name)
	}
	return err
}

// insertion reads the text of a, i and c: in the GNU way on the same line, or after a
// backslash on the next ones.
func (p *sedParser) insertion() (string, error) {
	p.skip(" \t")
	if p.peek() == '\\' {
		p.at++
		start := p.at
		p.skip(" \t")
		if p.peek() == '\n' {
			p.at++
		} else {
			p.at = start // "a\  text" keeps the blanks
		}
	}
	if p.at == len(p.text) {
		return "", p.errorf("expected text after a, c or i")
	}
	var b strings.Builder
	for p.at < len(p.text) && p.text[p.at] != '\n' {
		if p.text[p.at] == '\\' && p.at+1 < len(p.text) {
			p.at++
			if i := strings.IndexByte("tn", p.text[p.at]); i >= 0 {
				b.WriteByte("\t\n"[i])
				p.at++
				continue
			}
		}
		b.WriteByte(p.text[p.at])
		p.at++
	}
	return b.String() + "\n", nil
}

func (p *sedParser) addresses(cmd *sedCommand) (err error) {
	if cmd.from, err = p.address(); err != nil || cmd.from == nil {
		return err
	}
	p.skip(" \t")
	if p.peek() != ',' {
		if cmd.from.kind == 'n' && cmd.from.n == 0 {
			return p.errorf("there is no line 0")
		}
		return nil
	}
	p.at++
	p.skip(" \t")
	if next := p.peek(); next == '+' || next == '~' {
		p.at++
		n, ok := p.number()
		if !ok {
			return p.errorf("a number is needed after ,%c", next)
		}
		kind := byte('+')
		if next == '~' {
			kind = '*'
		}
		cmd.to = &sedAddress{kind: kind, n: n}
		return nil
	}
	if cmd.to, err = p.address(); err == nil && cmd.to == nil {
		err = p.errorf("unexpected ','")
	}
	if err == nil && cmd.from.kind == 'n' && cmd.from.n == 0 && cmd.to.kind != '/' {
		err = p.errorf("there is no line 0")
	}
	return err
}

func (p *sedParser) address() (*sedAddress, error) {
	switch c := p.peek(); {
	case c == '$':
		p.at++
		return &sedAddress{kind: '$'}, nil
	case c >= '0' && c <= '9':
		n, _ := p.number()
		if p.peek() != '~' {
			return &sedAddress{kind: 'n', n: n}, nil
		}
		p.at++
		step, _ := p.number()
		return &sedAddress{kind: '~', n: n, step: step}, nil
	case c == '/' || c == '\\':
		if c == '\\' {
			p.at++
		}
		delimiter := p.peek()
		p.at++
		pattern, err := p.delimited(delimiter, true)
		if err != nil {
			return nil, err
		}
		flags := "s"
		for p.peek() == 'I' || p.peek() == 'M' {
			flags += strings.ToLower(string(rune(p.peek())))
			p.at++
		}
		re, err := p.regex(pattern, flags)
		return &sedAddress{kind: '/', re: re}, err
	}
	return nil, nil
}

// regex compiles an expression; an empty one is the last that was used.
func (p *sedParser) regex(pattern, flags string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	re, err := Compile(pattern, p.extended, flags)
	if err != nil {
		return nil, p.errorf("%v", err)
	}
	return re, nil
}

// delimited takes what stands before the next delimiter. One behind a backslash belongs to the
// text and loses the backslash.
func (p *sedParser) delimited(delimiter byte, pattern bool) (string, error) {
	var b strings.Builder
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == delimiter:
			return b.String(), nil
		case c == '[' && pattern:
			// A delimiter in a bracket expression is one of its characters.
			end := bracketEnd(p.text[p.at:])
			b.WriteString("[" + p.text[p.at:p.at+end])
			p.at += end
		case c == '\n' && pattern:
			return "", p.errorf("unterminated expression")
		case c == '\\' && p.at < len(p.text):
			next := p.text[p.at]
			p.at++
			if next != delimiter {
				b.WriteByte('\\')
			}
			if next == 'n' && next == delimiter {
				b.WriteByte('\n')
				continue
			}
			b.WriteByte(next)
		default:
			b.WriteByte(c)
		}
	}
	return "", p.errorf("unterminated '%c'", delimiter)
}

// bracketEnd is the length of the rest of a bracket expression, or 0 if it has no end.
func bracketEnd(text string) int {
	at := len(text) - len(strings.TrimPrefix(text, "^"))
	for first := true; at < len(text) && text[at] != '\n'; first = false {
		rest := text[at:]
		switch {
		case rest[0] == ']' && !first:
			return at + 1
		case strings.HasPrefix(rest, "[:") && strings.Contains(rest, ":]"):
			at += strings.Index(rest, ":]") + 2
		default:
			at++
		}
	}
	return 0
}
