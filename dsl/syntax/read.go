package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/shbuild/shbuild/dsl/diag"
)

// Read reads a file. Its errors are *diag.Error, several of them joined.
func Read(src *diag.Source) (*File, error) {
	if err := checkText(src); err != nil {
		return nil, err
	}
	escape, at, err := directives(src.Text)
	if err != nil {
		x := newLexer(src.Text, escape)
		end, _ := x.physical(at)
		return nil, &diag.Error{Source: src, Span: src.Span(at, end), Err: err}
	}
	lines := newLexer(src.Text, escape).lines()
	if len(lines) == 0 {
		return nil, &diag.Error{Source: src, Span: src.Span(0, 0), Err: errors.New("no instruction in the file"),
			Hint: "start with FROM, as in: FROM builtin:toybox"}
	}
	if isPlain(lines) {
		return readPlain(src, escape)
	}
	if wrong := misspelt(lines); len(wrong) > 0 {
		var errs []error
		for _, l := range wrong {
			word := l.word()
			start := l.joined.pos(bytes.IndexFunc(l.joined.b, notSpace))
			errs = append(errs, &diag.Error{Source: src, Span: src.Span(start, start+len(word)), Err: UnknownCommand(word)})
		}
		return nil, errors.Join(errs...)
	}
	return readScript(src, escape, 0, true)
}

// ReadSourced reads a file that a script sources: always a script, and one without any instruction is
// fine. The marks in its Shell count from first.
func ReadSourced(src *diag.Source, first int) (*File, error) {
	if len(src.Text) > 0 {
		if err := checkText(src); err != nil {
			return nil, err
		}
	}
	escape, _, err := directives(src.Text)
	if err != nil {
		return nil, &diag.Error{Source: src, Span: src.Span(0, 0), Err: err}
	}
	return readScript(src, escape, first, false)
}

// checkText refuses what is no text.
func checkText(src *diag.Source) error {
	fail := func(at int, hint, format string, args ...any) error {
		return &diag.Error{Source: src, Span: src.Span(at, at), Err: fmt.Errorf(format, args...), Hint: hint}
	}
	if len(src.Text) == 0 {
		return fail(0, "start with FROM, as in: FROM builtin:toybox", "the file is empty")
	}
	if bytes.HasPrefix(src.Text, []byte{0xff, 0xfe}) || bytes.HasPrefix(src.Text, []byte{0xfe, 0xff}) {
		return fail(0, "save it as UTF-8", "the file is UTF-16 text")
	}
	if i := bytes.IndexByte(src.Text, 0); i >= 0 {
		return fail(i, "is it a program or an archive?", "not a text file: it holds a zero byte")
	}
	for i := 0; i < len(src.Text); {
		r, n := utf8.DecodeRune(src.Text[i:])
		if r == utf8.RuneError && n == 1 {
			return fail(i, "save it as UTF-8", "not UTF-8 text: byte 0x%02x", src.Text[i])
		}
		i += n
	}
	return nil
}
