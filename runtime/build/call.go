package build

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// What can be asked of a plain Dockerfile without building anything.

// Check looks through a script, or runs the lint rules of a plain Dockerfile over the target and what it needs, or over every
// stage where no target is named. The configurations of base images are looked
// up, as a build would. What the file is refused for is err; the findings come
// with it.
func (b *Builder) Check(ctx context.Context, f *syntax.File) ([]Finding, error) {
	if !f.Plain {
		return b.checkedScript(f)
	}
	p, err := b.plan(ctx, f)
	if err != nil {
		return b.lint.findings(), err
	}
	stages := p.stages
	if b.opts.Target != "" {
		target, err := p.target(b.opts.Target)
		if err != nil {
			return b.lint.findings(), err
		}
		stages = []*plannedStage{target}
	}
	for _, s := range stages {
		if _, err := p.build(ctx, s); err != nil {
			return b.lint.findings(), err
		}
	}
	return b.lint.findings(), b.lint.err()
}

// Outline tells what the target can be given.
func (b *Builder) Outline(ctx context.Context, f *syntax.File) (*Outline, error) {
	p, err := b.plan(ctx, f)
	if err != nil {
		return nil, err
	}
	target, err := p.target(b.opts.Target)
	if err != nil {
		return nil, err
	}
	if _, err := p.build(ctx, target); err != nil {
		return nil, err
	}
	return p.outlined(target), b.lint.err()
}

// plan is planned for a file by itself.
func (b *Builder) plan(ctx context.Context, f *syntax.File) (*plain, error) {
	if err := needPlain(f); err != nil {
		return nil, err
	}
	b.whole, b.cancel = context.WithCancel(ctx)
	if err := b.begin(f); err != nil {
		return nil, err
	}
	return b.planned(ctx, f)
}

// needPlain refuses scripts.
func needPlain(f *syntax.File) error {
	if f.Plain {
		return nil
	}
	return diag.WithHint(fmt.Errorf("%s is a script: what its stages are shows only when it runs", f.Source.Name),
		"a plain Dockerfile has nothing but instructions in it")
}

// Target is a stage that --target may name.
type Target struct {
	Name        string // empty: it has none
	Description string
	Base        string // as written
	Platform    string // as written
	Default     bool   // it is what is built without --target
	Line        int
	EndLine     int
}

// Targets lists the stages of a plain Dockerfile.
func Targets(f *syntax.File) ([]Target, error) {
	if err := needPlain(f); err != nil {
		return nil, err
	}
	var out []Target
	for _, in := range f.Instructions {
		at := place{source: f.Source, span: in.Span, keyword: in.Keyword, text: in.Text, comments: in.Comments}
		cmd, err := instr.ParseAt(in.Text, f.Escape, instr.Place{Line: in.Span.Start.Line, EndLine: in.Span.End.Line, Comments: in.Comments})
		if err != nil {
			return nil, at.wrap(err)
		}
		if s, ok := cmd.(*instructions.Stage); ok {
			out = append(out, Target{Name: s.Name, Description: s.DocComment, Base: s.BaseName, Platform: s.Platform,
				Line: in.Span.Start.Line, EndLine: in.Span.End.Line})
		} else if in.Keyword != "ARG" && len(out) == 0 {
			return nil, at.wrap(errNoStage)
		}
	}
	if len(out) == 0 {
		return nil, errors.New(f.Source.Name + ": no FROM in it: there is no target")
	}
	out[len(out)-1].Default = true
	return out, nil
}
