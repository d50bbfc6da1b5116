package interp

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"
)

// read and echo are this package's: the runner's read loses the empty fields between two characters of IFS, and its
// echo knows neither several flags in one word nor \0nnn and \c.

// read is the builtin: read [-r] [-s] [-a ARRAY] [-p PROMPT] [NAME…].
func (x *shell) read(ctx context.Context, hc interp.HandlerContext, args []string) error {
	raw, array, prompt := false, "", ""
	rest := args[1:]
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		flags := rest[0][1:]
		rest = rest[1:]
		if flags == "-" {
			break
		}
		for i, f := range flags {
			value := flags[i+1:]
			switch f {
			case 'r':
				raw = true
			case 's': // nobody types
			case 'a', 'p':
				if value == "" && len(rest) > 0 {
					value, rest = rest[0], rest[1:]
				}
				if value == "" {
					return x.fail(hc.Env, x.shellError(hc.Env, "", fmt.Errorf("read: -%c needs an operand", f)))
				}
				if f == 'a' {
					array = value
				} else {
					prompt = value
				}
			default:
				return x.abort(x.shellError(hc.Env, "", lackOf(fmt.Sprintf("read: invalid option \"-%c\"", f))))
			}
			if f == 'a' || f == 'p' {
				break
			}
		}
	}
	for _, name := range append([]string{array}, rest...) {
		if name != "" && !sh.ValidName(name) || name == "" && array != "" {
			return x.fail(hc.Env, x.shellError(hc.Env, "", fmt.Errorf("read: %s: not a name", brief([]string{name}))))
		}
	}
	if prompt != "" {
		io.WriteString(hc.Stderr, prompt)
	}
	line, escaped, status := x.readLine(ctx, hc, raw)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ifs := hc.Env.Get("IFS")
	seps := " \t\n"
	if ifs.IsSet() {
		seps = ifs.Str
	}
	values := map[string]string{}
	switch {
	case array != "":
		text, err := quoteAll(fields(line, escaped, seps, -1))
		if err != nil {
			return x.fail(hc.Env, x.shellError(hc.Env, "read", err))
		}
		if err := x.assign(ctx, hc, array+"=("+text+")"); err != nil {
			return err
		}
	case len(rest) == 0:
		values["REPLY"] = string(line)
		rest = []string{"REPLY"}
	default:
		for i, v := range fields(line, escaped, seps, len(rest)) {
			values[rest[i]] = v
		}
	}
	if array == "" {
		for _, name := range rest {
			if hc.Env.Get(name).ReadOnly {
				return x.fail(hc.Env, x.shellError(hc.Env, "", fmt.Errorf("%s: readonly variable", name)))
			}
			if err := x.set(ctx, hc, name, values[name]); err != nil {
				return err
			}
		}
	}
	return status
}

// readLine reads a line from the shell's input. Without raw, a backslash keeps the character after it from being a
// separator, and takes a line's end out. The status is 1 at the end of the input.
func (x *shell) readLine(ctx context.Context, hc interp.HandlerContext, raw bool) (line []rune, escaped []bool, status error) {
	if hc.Stdin == nil {
		return nil, nil, interp.ExitStatus(1)
	}
	// The input may be a pipe that nobody closes.
	stop := context.AfterFunc(ctx, func() {
		if f, ok := hc.Stdin.(interface{ SetReadDeadline(time.Time) error }); ok {
			_ = f.SetReadDeadline(time.Now())
		}
	})
	defer stop()
	var text []byte
	one := make([]byte, 1) // no more: what follows the line is for the next command
	for {
		n, err := hc.Stdin.Read(one)
		if n == 0 && err != nil {
			status = interp.ExitStatus(1)
			break
		}
		if n == 0 || one[0] == 0 {
			continue
		}
		if one[0] == '\n' && (raw || !goesOn(text)) {
			break
		}
		if one[0] == '\n' {
			text = text[:len(text)-1]
			continue
		}
		text = append(text, one[0])
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		escape := r == '\\' && !raw
		if i += n; escape {
			if i == len(text) {
				break
			}
			r, n = utf8.DecodeRune(text[i:])
			i += n
		}
		line, escaped = append(line, r), append(escaped, escape)
	}
	return line, escaped, status
}

// goesOn says that an odd number of backslashes ends the text.
func goesOn(text []byte) bool {
	return (len(text)-len(strings.TrimRight(string(text), `\`)))%2 == 1
}

// fields splits a line as POSIX says (XCU 2.6.5, read): blanks of IFS are trimmed and count as one, any other
// character of IFS ends a field. Of at most n fields the last one takes the rest.
func fields(line []rune, escaped []bool, seps string, n int) []string {
	is := func(i int, blank bool) bool {
		return i < len(line) && !escaped[i] && strings.ContainsRune(seps, line[i]) && strings.ContainsRune(" \t\n", line[i]) == blank
	}
	skip := func(i int) int {
		for is(i, true) {
			i++
		}
		return i
	}
	var out []string
	i := skip(0)
	for i < len(line) {
		start := i
		for i < len(line) && !is(i, true) && !is(i, false) {
			i++
		}
		end := i
		i = skip(i)
		if is(i, false) {
			i = skip(i + 1)
		}
		if len(out)+1 == n && i < len(line) {
			return append(out, string(line[start:trimmed(line, escaped, seps)]))
		}
		out = append(out, string(line[start:end]))
	}
	return out
}

// trimmed is where a line ends without blanks of IFS.
func trimmed(line []rune, escaped []bool, seps string) int {
	end := len(line)
	for end > 0 && !escaped[end-1] && strings.ContainsRune(seps, line[end-1]) && strings.ContainsRune(" \t\n", line[end-1]) {
		end--
	}
	return end
}

// echo is the builtin.
func (x *shell) echo(hc interp.HandlerContext, args []string) error {
	newline, expand := true, false
	rest := args[1:]
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' && strings.Trim(rest[0][1:], "neE") == "" {
		for _, f := range rest[0][1:] {
			switch f {
			case 'n':
				newline = false
			default:
				expand = f == 'e'
			}
		}
		rest = rest[1:]
	}
	text := strings.Join(rest, " ")
	if expand {
		var stop bool
		if text, stop = unescaped(text); stop {
			newline = false
		}
	}
	if newline {
		text += "\n"
	}
	_, _ = io.WriteString(hc.Stdout, text) // it may be a pipe that nobody reads
	return nil
}

var escapesOf = map[byte]string{'a': "\a", 'b': "\b", 'e': "\x1b", 'E': "\x1b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '\\': `\`}

// unescaped expands echo -e's escapes; stop is for \c.
func unescaped(s string) (text string, stop bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		base, most, from := 0, 0, i+1
		switch c := s[i]; {
		case escapesOf[c] != "":
			b.WriteString(escapesOf[c])
			continue
		case c == 'c':
			return b.String(), true
		case c == '0':
			base, most = 8, 3
		case c == 'x':
			base, most = 16, 2
		case c == 'u':
			base, most = 16, 4
		case c == 'U':
			base, most = 16, 8
		default:
			b.WriteString(s[i-1 : i+1])
			continue
		}
		to := from
		for to < len(s) && to < from+most && isDigit(s[to], base) {
			to++
		}
		n, _ := strconv.ParseUint("0"+s[from:to], base, 32)
		switch {
		case to == from && s[i] != '0':
			b.WriteString(s[i-1 : i+1])
		case s[i] == 'u' || s[i] == 'U':
			b.WriteRune(rune(n))
			i = to - 1
		default:
			b.WriteByte(byte(n))
			i = to - 1
		}
	}
	return b.String(), false
}

func isDigit(c byte, base int) bool {
	if base == 8 {
		return c >= '0' && c <= '7'
	}
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
