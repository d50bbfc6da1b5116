package syntax

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
)

// Format gives a file in its tidy form: shell text as mvdan.cc/sh prints it, with two blanks for each level, and
// instructions at the place that the shell's text gives them, untouched inside. In a plain Dockerfile, instructions
// begin their lines, in capitals, and there is no more than one empty line between them.
//
// What comes out means what went in: that is looked at, and it is an error if it does not.
func Format(src *diag.Source) ([]byte, error) {
	if len(src.Text) == 0 {
		return nil, nil
	}
	before, cuts, err := readAny(src)
	if err != nil {
		return nil, err
	}
	var out []byte
	if before.Plain {
		out = formatPlain(before)
	} else if out, err = formatScript(src, cuts); err != nil {
		return nil, err
	}
	after, _, err := readAny(&diag.Source{Name: src.Name, Text: out})
	if err != nil {
		return nil, unformatted(src, 0, fmt.Errorf("what came out cannot be read: %w", err))
	}
	if at, ok := before.means(after); !ok {
		return nil, unformatted(src, at, errors.New("its tidy form would mean something else"))
	}
	return out, nil
}

func unformatted(src *diag.Source, at int, err error) error {
	return &diag.Error{Source: src, Span: src.Span(at, at+1), Err: err, Hint: "the file is left as it is"}
}

// readAny reads a file of its own or one that is to be sourced.
func readAny(src *diag.Source) (*File, []*cut, error) {
	if err := checkText(src); err != nil {
		return nil, nil, err
	}
	escape, _, err := directives(src.Text)
	if err != nil {
		return nil, nil, err
	}
	if lines := newLexer(src.Text, escape).lines(); len(lines) > 0 && isPlain(lines) {
		f, err := readPlain(src, escape)
		return f, nil, err
	}
	f, k, err := readSkeleton(src, escape, 0, false)
	if err != nil {
		return nil, nil, err
	}
	return f, k.script.cuts, nil
}

// held is an instruction that a word stands for while the shell's text is printed.
type held struct {
	head, bodies string
}

// formatScript prints the shell's text with words in the place of the instructions, and puts those back.
func formatScript(src *diag.Source, cuts []*cut) ([]byte, error) {
	stem := "SHBUILD_"
	for bytes.Contains(src.Text, []byte(stem)) {
		stem += "_"
	}
	text, kept := withoutInstructions(src, cuts, stem)
	// The position of the first here-document that waits for its body is lost on the printer: lines are what it goes by.
	f, err := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true)).Parse(bytes.NewReader(text), src.Name)
	if err != nil {
		return nil, unformatted(src, 0, err)
	}
	var out bytes.Buffer
	printer := syntax.NewPrinter(syntax.Indent(2), syntax.SpaceRedirects(true))
	if err := printer.Print(&out, f); err != nil {
		return nil, unformatted(src, 0, err)
	}
	word := regexp.MustCompile(stem + `[0-9]+_`)
	var b bytes.Buffer
	for line := range bytes.Lines(out.Bytes()) {
		bodies := ""
		b.Write(word.ReplaceAllFunc(line, func(w []byte) []byte {
			h := kept[string(w)]
			bodies += h.bodies
			return []byte(h.head)
		}))
		b.WriteString(bodies)
	}
	return b.Bytes(), nil
}

// withoutInstructions gives a script's text with a word for each instruction, and without their heredocs.
func withoutInstructions(src *diag.Source, cuts []*cut, stem string) ([]byte, map[string]held) {
	cuts = slices.Clone(cuts)
	slices.SortFunc(cuts, func(a, b *cut) int { return cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset) })
	type span struct {
		from, to int
		word     string
	}
	var spans []span
	kept := map[string]held{}
	within := 0 // up to here the source is an instruction's
	for i, c := range cuts {
		start := c.Span.Start.Offset
		if start < within {
			continue // in another one's operands
		}
		word := fmt.Sprintf("%s%d_", stem, i)
		h := held{head: strings.TrimRight(string(src.Text[start:c.stop]), " \t\r\n")}
		spans = append(spans, span{start, c.stop, word})
		within = c.stop
		if len(c.docs) > 0 {
			from, to := c.docs[0].src, c.Span.End.Offset
			if i := bytes.IndexByte(src.Text[to:], '\n'); i >= 0 {
				to += i + 1
			}
			h.bodies = strings.TrimRight(string(src.Text[from:to]), "\n") + "\n"
			spans = append(spans, span{from, to, ""})
		}
		kept[word] = h
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []byte
	at := 0
	for _, s := range spans {
		if s.from < at {
			continue // within a heredoc
		}
		out = append(append(out, src.Text[at:s.from]...), s.word...)
		at = s.to
	}
	return append(out, src.Text[at:]...), kept
}

// formatPlain tidies what is around a plain Dockerfile's instructions.
func formatPlain(f *File) []byte {
	var out bytes.Buffer
	at := 0
	between := func(to int, first bool) {
		empty := first
		for line := range bytes.Lines(f.Source.Text[at:to]) {
			line = bytes.TrimSpace(bytes.TrimPrefix(line, byteOrderMark))
			if len(line) > 0 || !empty {
				out.Write(append(line, '\n'))
			}
			empty = len(line) == 0
		}
	}
	for i, in := range f.Instructions {
		start := bytes.LastIndexByte(f.Source.Text[:in.Span.Start.Offset], '\n') + 1
		between(max(at, start), i == 0)
		text := in.Keyword + in.Text[len(in.Keyword):]
		if !strings.HasSuffix(strings.TrimRight(text, " \t"), string(f.Escape)) {
			text = strings.TrimRight(text, " \t")
		}
		out.WriteString(text + "\n")
		at = in.Span.End.Offset
		if i := bytes.IndexByte(f.Source.Text[at:], '\n'); i >= 0 {
			at += i + 1
		} else {
			at = len(f.Source.Text)
		}
	}
	between(len(f.Source.Text), false)
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n')
}
