package text

import (
	"bytes"
	"fmt"
	"strconv"
)

// search is grep in one file.
type search struct {
	g       *grepper
	name    string
	binary  bool
	number  int   // of the line
	offset  int64 // of the line
	count   int   // selected lines
	context [][]byte
	after   int // lines of context still to print
	printed int // number of the last line printed
}

// line looks at one line; false ends the file.
func (s *search) line(line []byte, _ bool) bool {
	g := s.g
	s.number++
	hit := g.re.Match(line) != g.o.Has("v")
	switch {
	case hit && g.max == 0:
		return false
	case hit:
		s.count++
		g.found = true
		if g.o.Has("q") || g.o.Has("l") || g.o.Has("L") {
			return false
		}
		if !g.o.Has("c") && !s.binary {
			s.hit(line)
		}
		if s.binary && !g.o.Has("c") {
			return false
		}
	case s.after > 0:
		s.after--
		s.print(s.number, line, '-')
	case g.before > 0:
		s.context = append(s.context, bytes.Clone(line))
		if len(s.context) > g.before {
			s.context = s.context[1:]
		}
	}
	s.offset += int64(len(line)) + 1
	return g.max < 0 || s.count < g.max || s.after > 0
}

// hit prints a selected line and the context before it.
func (s *search) hit(line []byte) {
	g := s.g
	if g.before+g.after > 0 && s.printed > 0 && s.number-len(s.context) > s.printed+1 {
		fmt.Fprintln(g.c.Stdout, "--")
	}
	for i, before := range s.context {
		s.print(s.number-len(s.context)+i, before, '-')
	}
	s.context = s.context[:0]
	s.after = g.after
	if !g.o.Has("o") {
		s.print(s.number, line, ':')
		return
	}
	if g.o.Has("v") {
		return
	}
	for _, at := range g.parts(line) {
		if at[0] < at[1] {
			s.print(s.number, line[at[0]:at[1]], ':')
		}
	}
}

// parts are the pieces of a line that match. Words share the characters that divide them, so
// the search for each starts where the one before ended.
func (g *grepper) parts(line []byte) [][]int {
	if !g.o.Has("w") || g.o.Has("x") {
		return g.re.FindAllIndex(line, -1)
	}
	var all [][]int
	for from := 0; from <= len(line); {
		at := g.re.FindSubmatchIndex(line[from:])
		if at == nil {
			break
		}
		start, end := from+at[2], from+at[3]
		if start > 0 && start == from && isWord(line[start-1]) {
			from++ // the search began inside a word
			continue
		}
		all = append(all, []int{start, end})
		from = max(end, start+1)
	}
	return all
}

func isWord(b byte) bool { return b == '_' || isLower(b) || isUpper(b) || isDigit(b) }

func (s *search) print(number int, line []byte, mark byte) {
	out := s.g.c.Stdout
	if s.g.names {
		out.WriteString(s.name)
		out.WriteByte(mark)
	}
	if s.g.o.Has("n") {
		out.WriteString(strconv.Itoa(number))
		out.WriteByte(mark)
	}
	if s.g.o.Has("b") {
		out.WriteString(strconv.FormatInt(s.offset, 10))
		out.WriteByte(mark)
	}
	out.Write(line)
	out.WriteByte(s.g.end)
	s.printed = number
}

// finish prints what is said once a file.
func (s *search) finish() {
	g := s.g
	out := g.c.Stdout
	switch {
	case g.o.Has("q"):
	case g.o.Has("l") && s.count > 0, g.o.Has("L") && s.count == 0:
		fmt.Fprintln(out, s.name)
	case g.o.Has("l"), g.o.Has("L"):
	case g.o.Has("c"):
		if g.names {
			fmt.Fprintf(out, "%s:", s.name)
		}
		fmt.Fprintln(out, s.count)
	case s.binary && s.count > 0:
		out.Flush()
		fmt.Fprintf(g.c.Stderr, "grep: %s: binary file matches\n", s.name)
	}
}
