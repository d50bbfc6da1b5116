package text

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// tr works on bytes, as GNU's does.
func tr(c *applet.Call) error {
	o, err := c.Options("c,C,complement d,delete s,squeeze-repeats t,truncate-set1")
	if err != nil {
		return err
	}
	want := 2
	if o.Has("d") != o.Has("s") {
		want = 1
	}
	if len(o.Args) < want || len(o.Args) > 2 || o.Has("d") && !o.Has("s") && len(o.Args) > 1 {
		return applet.Usagef("%d sets are needed", want)
	}
	set1, err := trSet(o.Args[0], 0)
	if err != nil {
		return err
	}
	if o.Has("c") {
		set1 = complement(set1)
	}
	var set2 []byte
	if len(o.Args) == 2 {
		if set2, err = trSet(o.Args[1], len(set1)); err != nil {
			return err
		}
	}
	return translate(c, o, set1, set2)
}

func translate(c *applet.Call, o *applet.Options, set1, set2 []byte) error {
	var replace [256]byte
	var drop, squeeze [256]bool
	for i := range replace {
		replace[i] = byte(i)
	}
	switch {
	case o.Has("d"):
		mark(&drop, set1)
	case len(set2) > 0:
		if o.Has("t") && len(set1) > len(set2) {
			set1 = set1[:len(set2)]
		}
		for i, b := range set1 {
			replace[b] = set2[min(i, len(set2)-1)]
		}
	case !o.Has("s"):
		return applet.Usagef("the second set is empty")
	}
	if o.Has("s") && len(o.Args) == 2 {
		mark(&squeeze, set2)
	} else if o.Has("s") {
		mark(&squeeze, set1)
	}
	in := bufio.NewReaderSize(c.Stdin, 64<<10)
	last := -1
	for {
		b, err := in.ReadByte()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if drop[b] {
			continue
		}
		b = replace[b]
		if squeeze[b] && last == int(b) {
			continue
		}
		last = int(b)
		if err := c.Stdout.WriteByte(b); err != nil {
			return err
		}
	}
}

func mark(table *[256]bool, set []byte) {
	for _, b := range set {
		table[b] = true
	}
}

func complement(set []byte) []byte {
	var in [256]bool
	mark(&in, set)
	var out []byte
	for i, present := range in {
		if !present {
			out = append(out, byte(i))
		}
	}
	return out
}

// trSet lists the bytes of a set: characters, ranges, [:classes:], [x*n], escapes. length is
// what [x*] fills up to.
func trSet(text string, length int) ([]byte, error) {
	var out []byte
	for text != "" {
		if strings.HasPrefix(text, "[:") {
			if name, rest, found := strings.Cut(text[2:], ":]"); found {
				class, err := trClass(name)
				if err != nil {
					return nil, err
				}
				out, text = append(out, class...), rest
				continue
			}
		}
		if char, count, rest, ok := trRepeat(text); ok {
			if count == 0 {
				count = max(0, length-len(out))
			}
			out, text = append(out, strings.Repeat(string([]byte{char}), count)...), rest
			continue
		}
		var first, last byte
		first, text = trChar(text)
		last = first
		if len(text) > 1 && text[0] == '-' {
			last, text = trChar(text[1:])
		}
		if last < first {
			return nil, applet.Usagef("range %c-%c is in reverse order", first, last)
		}
		for b := int(first); b <= int(last); b++ {
			out = append(out, byte(b))
		}
	}
	return out, nil
}

// trRepeat reads "[x*]" and "[x*3]".
func trRepeat(text string) (char byte, count int, rest string, ok bool) {
	if len(text) < 4 || text[0] != '[' {
		return 0, 0, "", false
	}
	char, rest = trChar(text[1:])
	digits, after, found := strings.Cut(strings.TrimPrefix(rest, "*"), "]")
	if rest == "" || rest[0] != '*' || !found {
		return 0, 0, "", false
	}
	if digits != "" {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return 0, 0, "", false
		}
		count = int(n)
	}
	return char, count, after, true
}

// trChar takes one character, which may be written as an escape.
func trChar(text string) (byte, string) {
	if text[0] != '\\' || len(text) == 1 {
		return text[0], text[1:]
	}
	if i := strings.IndexByte("abfnrtv", text[1]); i >= 0 {
		return "\a\b\f\n\r\t\v"[i], text[2:]
	}
	digits := 1
	for digits < 4 && digits < len(text) && text[digits] >= '0' && text[digits] <= '7' {
		digits++
	}
	if n, err := strconv.ParseUint(text[1:digits], 8, 8); err == nil {
		return byte(n), text[digits:]
	}
	return text[1], text[2:]
}

func trClass(name string) ([]byte, error) {
	is, known := map[string]func(b byte) bool{
		"alnum":  func(b byte) bool { return isLower(b) || isUpper(b) || isDigit(b) },
		"alpha":  func(b byte) bool { return isLower(b) || isUpper(b) },
		"blank":  func(b byte) bool { return b == ' ' || b == '\t' },
		"cntrl":  func(b byte) bool { return b < 32 || b == 127 },
		"digit":  isDigit,
		"graph":  func(b byte) bool { return b > 32 && b < 127 },
		"lower":  isLower,
		"print":  func(b byte) bool { return b >= 32 && b < 127 },
		"punct":  func(b byte) bool { return b > 32 && b < 127 && !isLower(b) && !isUpper(b) && !isDigit(b) },
		"space":  func(b byte) bool { return b == ' ' || b >= 9 && b <= 13 },
		"upper":  isUpper,
		"xdigit": func(b byte) bool { return isDigit(b) || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F' },
	}[name]
	if !known {
		return nil, applet.Usagef("unknown class '%s'", name)
	}
	var out []byte
	for i := range 256 {
		if is(byte(i)) {
			out = append(out, byte(i))
		}
	}
	return out, nil
}

func isLower(b byte) bool { return b >= 'a' && b <= 'z' }
func isUpper(b byte) bool { return b >= 'A' && b <= 'Z' }
func isDigit(b byte) bool { return b >= '0' && b <= '9' }
