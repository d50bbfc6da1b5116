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
	track   string // on which a trace shows its work
	slot    string // its place in the file, for --why: stage and number

	comments []string // directly above it, in a plain Dockerfile
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
	plain  bool // the words are to be expanded by Dockerfile's rules; else the shell has done it
	// seen hears of every instruction that is carried out, in its expanded form; may be nil.
	seen func(at place, cmd any, before, after *stage)
}

// apply carries out an instruction other than FROM: it returns the stage as
// it is afterwards, changed in its configuration, or with one more node that
// is not solved yet.
func (b *Builder) apply(ctx context.Context, s *stage, sc *scope, in *input) (*stage, error) {
	next, err := b.applied(ctx, s, sc, in)
	return next, in.wrap(err)
}

func (b *Builder) applied(ctx context.Context, s *stage, sc *scope, in *input) (*stage, error) {
	cmd, err := b.expanded(s, sc, in)
	if err != nil {
		return nil, err
	}
	next, err := b.carried(ctx, s, sc, in, cmd)
	if err == nil && next.node == s.node {
		b.noStep(in.place, "makes no layer: there is nothing to find in the cache", nil)
	}
	if err == nil && sc.seen != nil {
		sc.seen(in.place, cmd, s, next)
	}
	return next, err
}

// expanded is an instruction with its variables replaced; the lint rules have
// looked at it.
func (b *Builder) expanded(s *stage, sc *scope, in *input) (any, error) {
	_, isArg := in.cmd.(*instructions.ArgCommand)
	if !s.begun && !isArg {
		return nil, errNoStage
	}
	cmd, rules := in.cmd, b.lint.at(in.place)
	if sc.plain && !isArg { // an ARG's default may be of no use
		var err error
		if cmd, err = instr.ExpandNoting(cmd, s.env, b.escape, func(name string) { rules.unset(s, name) }); err != nil {
			return nil, err
		}
	}
	if rules == nil {
		return cmd, nil
	}
	return cmd, rules.check(b, s, cmd)
}

// carried carries an expanded instruction out.
func (b *Builder) carried(ctx context.Context, s *stage, sc *scope, in *input, cmd any) (*stage, error) {
	in.noCache = s.noCache
	next := s.clone()
	next.once(b.lint, in.place, cmd)
	if done, err := next.configure(cmd); done || err != nil {
		return next, err
	}
	switch cmd.(type) {
	case *instr.Export, *instr.Commit, *instr.Push:
		ctx, span := in.begin(ctx)
		err := b.give(ctx, s, cmd)
		ended(span, err)
		return s, err
	}
	switch c := cmd.(type) {
	case *instructions.ArgCommand:
		return next, b.arg(next, c, sc.plain, b.lint.at(in.place))
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
	case *instr.UserNS:
		return next, b.changeRoot(next, c.UID)
	}
	return nil, fmt.Errorf("%s is not built into this version", in.keyword)
}

// give carries out an instruction that gives the stage away, and leaves it as it is.
func (b *Builder) give(ctx context.Context, s *stage, cmd any) error {
	switch c := cmd.(type) {
	case *instr.Export:
		return b.export(ctx, s, c)
	case *instr.Commit:
		return b.commit(ctx, s, c.Names, false)
	case *instr.Push:
		if err := b.work(); err != nil {
			return err
		}
		return b.commit(ctx, s, c.Names, true)
	}
	return nil
}

// errNoStage answers an instruction that stands before the first FROM.
var errNoStage = diag.WithHint(errors.New("there is no stage yet: FROM comes first"), "FROM debian:12, FROM scratch or FROM builtin:toybox begins one")

// step counts the instruction as the stage's next that makes a layer.
func (in *input) step(s *stage) {
	s.steps++
	in.slot = fmt.Sprintf("%s %s %d", strings.ToLower(s.name), s.base, s.steps)
}

// title is the step's title: the instruction on one line.
func (in *input) title() string { return titleOf(in.text) }

func titleOf(text string) string { return strings.Join(strings.Fields(firstLines(text)), " ") }

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
