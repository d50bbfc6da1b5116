package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/runtime/buildctx"
)

// A place is where an instruction stands in a source.
type place struct {
	source  *diag.Source
	span    diag.Span
	keyword string
	text    string // as written
	noCache bool   // in a stage of --no-cache-filter
}

// wrap gives an error the place, unless it has one.
func (p place) wrap(err error) error {
	var placed *diag.Error
	if err == nil || errors.As(err, &placed) || p.source == nil {
		return err
	}
	span := p.span
	var about *buildctx.Error
	if errors.As(err, &about) {
		span = p.word(about.Path)
	}
	return &diag.Error{Source: p.source, Span: span, Op: p.keyword, Err: err}
}

// word is where a word stands in the instruction; the whole instruction if it does not, being made by
// a variable or a pattern.
func (p place) word(word string) diag.Span {
	start, end := p.span.Start.Offset, p.span.End.Offset
	for i := start; word != "" && i+len(word) <= end; i++ {
		after := i + len(word)
		if string(p.source.Text[i:after]) == word && p.blank(i-1, start, end) && p.blank(after, start, end) {
			return p.source.Span(i, after)
		}
	}
	return p.span
}

// blank says whether a word may end at a byte of the source.
func (p place) blank(at, start, end int) bool {
	return at < start || at >= end || strings.IndexByte(" \t\r\n\"'[],=", p.source.Text[at]) >= 0
}

// input is one instruction to carry out.
type input struct {
	place
	cmd any // package instr

	// Scripts only, for a RUN or EXEC.
	stdin  io.Reader // nil: empty
	stdout io.Writer // nil: only the display reads it
	env    []string  // the script's variables that it sees
	probe  bool      // a failure is an answer, and remembered
}

// scope is what an instruction finds around it.
type scope struct {
	// stage returns the stage that --from names; nil: none has that name.
	stage  func(name string) (*stage, error)
	titles interface{ title(text string) string }
	expand expander // for a plain Dockerfile's words; nil: the shell has done it
}

// apply carries out an instruction other than FROM: it returns the stage as
// it is afterwards, changed in its configuration, or with one more node that
// is not solved yet.
func (b *Builder) apply(ctx context.Context, s *stage, sc *scope, in *input) (*stage, error) {
	next, err := b.applied(ctx, s, sc, in)
	return next, in.wrap(err)
}

func (b *Builder) applied(ctx context.Context, s *stage, sc *scope, in *input) (*stage, error) {
	if c, ok := in.cmd.(*instructions.ArgCommand); ok {
		next := s.clone()
		return next, b.arg(next, c, sc.expand)
	}
	if !s.begun {
		return nil, errNoStage
	}
	cmd := in.cmd
	if sc.expand != nil {
		var err error
		if cmd, err = instr.Expand(cmd, s.env, b.escape); err != nil {
			return nil, err
		}
	}
	in.noCache = s.noCache
	next := s.clone()
	if done, err := next.configure(cmd); done || err != nil {
		return next, err
	}
	switch c := cmd.(type) {
	case *instructions.RunCommand:
		return next, b.run(ctx, next, sc, in, c)
	case *instr.Exec:
		return next, b.exec(next, sc, in, c.Args)
	case *instructions.CopyCommand:
		return next, b.copy(ctx, next, sc, in, copyFromCopy(c))
	case *instructions.AddCommand:
		return next, b.copy(ctx, next, sc, in, copyFromAdd(c))
	case *instructions.WorkdirCommand:
		return next, b.workdir(next, sc, in, c.Path)
	case *instr.Cwd:
		return next, next.changeDir(c.Dir)
	case *instr.Mem:
		next.memory = c.Bytes
		return next, nil
	case *instr.Export:
		return s, b.export(ctx, s, c)
	case *instr.Commit:
		return s, b.commit(ctx, s, c.Names, false)
	case *instr.Push:
		return s, b.commit(ctx, s, c.Names, true)
	}
	return nil, fmt.Errorf("%s is not built into this version", in.keyword)
}

// errNoStage answers an instruction that stands before the first FROM.
var errNoStage = diag.WithHint(errors.New("there is no stage yet: FROM comes first"), "FROM debian:12, FROM scratch or FROM builtin:toybox begins one")

// title is the step's title: the instruction on one line.
func (in *input) title() string {
	return strings.Join(strings.Fields(firstLines(in.text)), " ")
}

// firstLines leaves the bodies of heredocs out of a title.
func firstLines(text string) string {
	first, rest, found := strings.Cut(text, "\n")
	if found && strings.Contains(first, "<<") {
		line, _, more := strings.Cut(strings.TrimLeft(rest, "\n"), "\n")
		if more {
			line += " …"
		}
		return first + " (" + line + ")"
	}
	return text
}
