package diag

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Source is a file as it was read. It must not change afterwards: positions are counted in Text.
type Source struct {
	Name string // as the user typed it
	Text []byte
}

// Pos is a place in a Source.
type Pos struct {
	Offset int // bytes from the start of the text
	Line   int // from 1
	Col    int // from 1; counts characters, a tab being one
}

func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }

// Span is the text from Start up to, and without, End.
type Span struct{ Start, End Pos }

var bom = []byte("\uFEFF")

// Pos gives line and column of a byte offset. An offset outside of the text counts as the nearest end.
func (s *Source) Pos(offset int) Pos {
	offset = max(0, min(offset, len(s.Text)))
	before := s.Text[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	line := before[start:]
	if start == 0 {
		line = bytes.TrimPrefix(line, bom)
	}
	return Pos{
		Offset: offset,
		Line:   bytes.Count(before, []byte{'\n'}) + 1,
		Col:    utf8.RuneCount(line) + 1,
	}
}

// Span gives the positions of the bytes from start up to, and without, end.
func (s *Source) Span(start, end int) Span {
	return Span{Start: s.Pos(start), End: s.Pos(max(start, end))}
}

// line returns the text of the line that holds offset, without its end and without a byte order mark,
// and the offset of its first byte.
func (s *Source) line(offset int) ([]byte, int) {
	offset = max(0, min(offset, len(s.Text)))
	start := bytes.LastIndexByte(s.Text[:offset], '\n') + 1
	line, _, _ := bytes.Cut(s.Text[start:], []byte{'\n'})
	if start == 0 && bytes.HasPrefix(line, bom) {
		line, start = line[len(bom):], len(bom)
	}
	return bytes.TrimSuffix(line, []byte{'\r'}), start
}
