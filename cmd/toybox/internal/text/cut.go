package text

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// span is a range of positions, 1-based; a last of 0 is the end of the line.
type span struct{ first, last int }

func parseSpans(list string) ([]span, error) {
	var spans []span
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		from, to, ranged := strings.Cut(part, "-")
		s := span{1, 0}
		var err error
		if from != "" {
			s.first, err = strconv.Atoi(from)
		}
		if err == nil && to != "" {
			s.last, err = strconv.Atoi(to)
		}
		if !ranged {
			s.last = s.first
		}
		if err != nil || s.first < 1 || part == "-" || s.last != 0 && s.last < s.first {
			return nil, applet.Usagef("invalid list '%s'", list)
		}
		spans = append(spans, s)
	}
	if len(spans) == 0 {
		return nil, applet.Usagef("invalid list '%s'", list)
	}
	return spans, nil
}

// cutter picks parts of lines.
type cutter struct {
	spans      []span
	complement bool
}

func (c *cutter) picks(n int) bool {
	for _, s := range c.spans {
		if n >= s.first && (s.last == 0 || n <= s.last) {
			return !c.complement
		}
	}
	return c.complement
}

func cut(c *applet.Call) error {
	o, err := c.Options("b,bytes: c,characters: d,delimiter: f,fields: s,only-delimited complement output-delimiter: n")
	if err != nil {
		return err
	}
	list := o.Get("b") + o.Get("c") + o.Get("f")
	if list == "" {
		return applet.Usagef("a list of bytes, characters or fields is needed")
	}
	p := &cutter{complement: o.Has("complement")}
	if p.spans, err = parseSpans(list); err != nil {
		return err
	}
	delim := "\t"
	if o.Has("d") {
		delim = o.Get("d")
	}
	if len(delim) != 1 {
		return applet.Usagef("the delimiter must be a single character")
	}
	outDelim := delim
	if o.Has("output-delimiter") {
		outDelim = o.Get("output-delimiter")
	}
	pick := func(line []byte) ([]byte, bool) { return p.fields(line, delim, outDelim, o.Has("s")) }
	switch {
	case o.Has("b"):
		pick = func(line []byte) ([]byte, bool) { return p.bytes(line), true }
	case o.Has("c"):
		pick = func(line []byte) ([]byte, bool) { return p.units(bytes.SplitAfter(line, nil)), true }
	}
	return c.EachInput(o.Args, func(_ string, r io.Reader) error {
		return eachLine(r, '\n', func(line []byte, _ bool) bool {
			if out, ok := pick(line); ok {
				c.Stdout.Write(out)
				c.Stdout.WriteByte('\n')
			}
			return true
		})
	})
}

func (c *cutter) bytes(line []byte) []byte {
	var out []byte
	for i, b := range line {
		if c.picks(i + 1) {
			out = append(out, b)
		}
	}
	return out
}

// units picks among characters.
func (c *cutter) units(chars [][]byte) []byte {
	var out []byte
	for i, char := range chars {
		if c.picks(i + 1) {
			out = append(out, char...)
		}
	}
	return out
}

func (c *cutter) fields(line []byte, delim, outDelim string, only bool) ([]byte, bool) {
	if !bytes.Contains(line, []byte(delim)) {
		return line, !only
	}
	var picked [][]byte
	for i, field := range bytes.Split(line, []byte(delim)) {
		if c.picks(i + 1) {
			picked = append(picked, field)
		}
	}
	return bytes.Join(picked, []byte(outDelim)), true
}
