package text

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// formatter is one run of printf. The format is used again until no arguments are left.
type formatter struct {
	c    *applet.Call
	args []string
	used bool // the format took an argument
	stop bool // \c
}

func printf(c *applet.Call) error {
	o, err := c.Options("+")
	if err != nil {
		return err
	}
	args := o.Args
	if len(args) == 0 {
		return applet.Usagef("no format given")
	}
	f := &formatter{c: c, args: args[1:]}
	for {
		f.used = false
		if err := f.format(args[0]); err != nil {
			return err
		}
		if f.stop || len(f.args) == 0 || !f.used {
			return nil
		}
	}
}

func (f *formatter) next() (string, bool) {
	f.used = true
	if len(f.args) == 0 {
		return "", false
	}
	arg := f.args[0]
	f.args = f.args[1:]
	return arg, true
}

func (f *formatter) format(format string) error {
	for format != "" && !f.stop {
		plain := strings.IndexAny(format, `\%`)
		if plain < 0 {
			plain = len(format)
		}
		f.c.Stdout.WriteString(format[:plain])
		if format = format[plain:]; format == "" {
			break
		}
		if format[0] == '\\' {
			var text string
			text, format, f.stop = escapeSequence(format, false)
			f.c.Stdout.WriteString(text)
			continue
		}
		var err error
		if format, err = f.directive(format); err != nil {
			return err
		}
	}
	return nil
}

// directive does one "%" sequence and returns what follows it.
func (f *formatter) directive(format string) (string, error) {
	end := 1 + len(format[1:]) - len(strings.TrimLeft(format[1:], "-+ #0"))
	verb := format[:end]
	rest := format[end:]
	for rest != "" && strings.IndexByte("0123456789.*", rest[0]) >= 0 {
		if rest[0] != '*' {
			verb += rest[:1]
		} else {
			arg, _ := f.next()
			n, _ := strconv.Atoi(arg)
			verb += strconv.Itoa(n)
		}
		rest = rest[1:]
	}
	if rest == "" {
		return "", fmt.Errorf("%s: a directive without its letter", format)
	}
	letter := rest[0]
	switch {
	case letter == '%':
		f.c.Stdout.WriteByte('%')
		return rest[1:], nil
	case strings.IndexByte("diouxXeEfFgGcsb", letter) < 0:
		return "", fmt.Errorf("%%%c: invalid directive", letter)
	}
	arg, given := f.next()
	f.conversion(verb, letter, arg, given)
	return rest[1:], nil
}

func (f *formatter) conversion(verb string, letter byte, arg string, given bool) {
	out := f.c.Stdout
	switch letter {
	case 's':
		f.padded(verb, arg)
	case 'b':
		var b strings.Builder
		for arg != "" && !f.stop {
			var text string
			text, arg, f.stop = escapeSequence(arg, true)
			b.WriteString(text)
		}
		f.padded(verb, b.String())
	case 'c':
		_, size := utf8.DecodeRuneInString(arg)
		f.padded(verb, arg[:min(1, size)])
	case 'd', 'i':
		fmt.Fprintf(out, verb+"d", f.integer(arg, given))
	case 'u':
		fmt.Fprintf(out, verb+"d", uint64(f.integer(arg, given)))
	case 'o', 'x', 'X':
		fmt.Fprintf(out, verb+string(letter), uint64(f.integer(arg, given)))
	default:
		n, err := strconv.ParseFloat(strings.TrimSpace(arg), 64)
		if err != nil && given && arg != "" {
			f.invalid(arg)
		}
		text := fmt.Sprintf(verb+string(letter), n)
		// Without a precision C prints six digits, Go as many as it takes.
		if !strings.Contains(verb, ".") && (letter == 'g' || letter == 'G') {
			text = fmt.Sprintf(verb+".6"+string(letter), n)
		}
		out.WriteString(text)
	}
}

// padded prints text as %s does; width and precision count bytes.
func (f *formatter) padded(verb, text string) {
	flags := strings.TrimLeft(verb[1:], "-+ #0")
	width, precision, cut := strings.Cut(flags, ".")
	if n, err := strconv.Atoi(precision); cut && (err == nil || precision == "") && n < len(text) {
		text = text[:max(0, n)]
	}
	n, _ := strconv.Atoi(width)
	left := strings.Contains(verb[:len(verb)-len(flags)], "-") || n < 0
	fill := strings.Repeat(" ", max(0, max(n, -n)-len(text)))
	if left {
		f.c.Stdout.WriteString(text + fill)
	} else {
		f.c.Stdout.WriteString(fill + text)
	}
}

// integer reads 12, 0x1f, 017, and 'c for a character's number.
func (f *formatter) integer(arg string, given bool) int64 {
	if !given {
		return 0
	}
	if arg != "" && (arg[0] == '\'' || arg[0] == '"') {
		r, _ := utf8.DecodeRuneInString(arg[1:])
		return int64(r)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(arg), 0, 64)
	if u, uErr := strconv.ParseUint(arg, 0, 64); err != nil && uErr == nil {
		return int64(u)
	}
	if err != nil {
		f.invalid(arg)
		digits := len(arg) - len(strings.TrimLeft(arg, "-+0123456789"))
		n, _ = strconv.ParseInt(arg[:digits], 10, 64)
	}
	return n
}

func (f *formatter) invalid(arg string) {
	f.c.Warn(errors.New("'" + arg + "': expected a numeric value"))
}

// escapeSequence takes one character, or the one that a backslash sequence stands for. In %b an
// octal number has a 0 before it. stop is \c, which ends all output.
func escapeSequence(text string, inArgument bool) (char, rest string, stop bool) {
	if text[0] != '\\' || len(text) == 1 {
		return text[:1], text[1:], false
	}
	c := text[1]
	if i := strings.IndexByte(`abfnrtv\"e`, c); i >= 0 {
		return string("\a\b\f\n\r\t\v\\\"\x1b"[i]), text[2:], false
	}
	switch {
	case c == 'c':
		return "", "", true
	case c == 'x' && hexByte(text[2:]) != "":
		n, _ := strconv.ParseUint(text[2:4], 16, 8)
		return string([]byte{byte(n)}), text[4:], false
	case c >= '0' && c <= '7':
		start := 1
		if inArgument && c == '0' {
			start = 2
		}
		end := start
		for end < len(text) && end < start+3 && text[end] >= '0' && text[end] <= '7' {
			end++
		}
		n, _ := strconv.ParseUint(text[start:end], 8, 16)
		return string([]byte{byte(n)}), text[end:], false
	}
	return text[:2], text[2:], false
}
