package build

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"golang.org/x/sync/errgroup"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// A plain Dockerfile is planned whole before anything is done: its stages are
// put together from their instructions only when the target needs them, and
// the target's last node is solved at the end. What BuildKit refuses in a
// stage that nothing needs, the plan refuses too.
type plain struct {
	b      *Builder
	file   *syntax.File
	start  *stage // the global ARGs
	args   []declared
	stages []*plannedStage
}

type plannedStage struct {
	index   int
	from    *instructions.Stage
	at      place
	base    *plannedStage // an earlier stage that FROM names; nil: an image
	steps   []plannedStep
	total   int // steps that the display counts
	outline outline
	state   *stage
	pending bool // being put together: to meet it again is a circle

	replaced bool // by a named context: its instructions are only read
}

type plannedStep struct {
	at  place
	cmd any
}

// planned parses a plain Dockerfile into stages. Nothing is run.
func (b *Builder) planned(ctx context.Context, f *syntax.File) (*plain, error) {
	var err error
	if b.lint, err = newLinting(f, b.opts.BuildArgs); err != nil {
		return nil, err
	}
	p := &plain{b: b, file: f}
	steps := make([]plannedStep, len(f.Instructions))
	last := ""
	var wrong []error
	for i, in := range f.Instructions {
		at := place{source: f.Source, span: in.Span, keyword: in.Keyword, text: in.Text, comments: in.Comments}
		cmd, err := instr.ParseAt(in.Text, f.Escape, instr.Place{
			Line: in.Span.Start.Line, EndLine: in.Span.End.Line, Comments: in.Comments, Lint: b.lint.rules,
		})
		if err != nil {
			wrong = append(wrong, at.wrap(err))
		}
		if from, ok := cmd.(*instructions.Stage); ok {
			last = from.Name
		}
		steps[i] = plannedStep{at, cmd}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	b.lint.form(steps)
	p.start = b.start(last)
	b.lint.defaults(p, steps)
	for _, step := range steps {
		if err := p.add(step.at, step.cmd); err != nil {
			return nil, step.at.wrap(err)
		}
	}
	if len(p.stages) == 0 {
		return nil, &diag.Error{Source: f.Source, Span: f.Source.Span(0, 0), Err: fmt.Errorf("no FROM in it: nothing to build")}
	}
	if err := p.checkReferences(); err != nil {
		return nil, err
	}
	return p, ctx.Err()
}

func (p *plain) add(at place, cmd any) error {
	switch c := cmd.(type) {
	case *instructions.Stage:
		return p.addStage(at, c)
	case *instructions.ArgCommand:
		if len(p.stages) == 0 {
			return p.addGlobal(at, c)
		}
	}
	if len(p.stages) == 0 {
		return errNoStage
	}
	s := p.stages[len(p.stages)-1]
	if s.replaced {
		return nil
	}
	s.steps = append(s.steps, plannedStep{at, cmd})
	switch cmd.(type) {
	case *instructions.RunCommand, *instructions.CopyCommand, *instructions.AddCommand, *instructions.WorkdirCommand:
		s.total++
	}
	return nil
}

func (p *plain) addGlobal(at place, c *instructions.ArgCommand) error {
	before := p.start
	p.start = p.start.clone()
	if err := p.b.arg(p.start, c, true, nil); err != nil {
		return err
	}
	p.args = append(p.args, p.declaredGlobals(at, c, before)...)
	return nil
}

func (p *plain) addStage(at place, c *instructions.Stage) error {
	from := *c
	name, err := instr.WordNoting(from.BaseName, p.start.globals, p.b.escape)
	if err != nil {
		return err
	}
	p.b.lint.fromName(p, at, name)
	if name.Result == "" {
		return diag.WithHint(fmt.Errorf("the base's name (%s) is empty", from.BaseName), "give the ARG that it uses a value: --build-arg, or a default before the first FROM")
	}
	from.BaseName = name.Result
	s := &plannedStage{index: len(p.stages), from: &from, at: at, base: p.baseStage(from.BaseName)}
	s.outline = p.newOutline(s.base)
	s.outline.use(name.Matched)
	if from.Platform != "" {
		platform, err := instr.WordNoting(from.Platform, p.start.globals, p.b.escape)
		if err != nil {
			return err
		}
		p.b.lint.fromPlatform(p, at, &from, platform)
		if from.Platform = platform.Result; from.Platform == "" {
			return fmt.Errorf("--platform=%s is empty", c.Platform)
		}
		s.outline.use(platform.Matched)
	}
	wanted, err := p.b.platform(from.Platform)
	if err != nil {
		return err
	}
	if _, ok := p.b.namedContext(from.Name); ok && from.Name != "" {
		from.BaseName, s.base, s.replaced = from.Name, nil, true
	}
	if s.base == nil && from.BaseName != scratchName {
		if _, err := baseKey(from.BaseName, wanted); err != nil {
			return err
		}
		s.total++
	}
	p.stages = append(p.stages, s)
	return nil
}

// target is the stage that --target names, else the last.
func (p *plain) target(name string) (*plannedStage, error) {
	if name == "" {
		return p.stages[len(p.stages)-1], nil
	}
	if s := p.find(name); s != nil {
		return s, nil
	}
	var known []string
	for _, s := range p.stages {
		if s.from.Name != "" {
			known = append(known, s.from.Name)
		}
	}
	return nil, noTarget(name, known)
}

// prefetch resolves, side by side, the base images that the target needs.
func (p *plain) prefetch(target *plannedStage) error {
	var group errgroup.Group
	group.SetLimit(8)
	for _, s := range p.reachable(target) {
		if s.base == nil && s.from.BaseName != scratchName {
			group.Go(func() error {
				_, err := p.b.resolve(s.from.BaseName, s.from.Platform)
				return s.at.wrap(err)
			})
		}
	}
	return group.Wait()
}

// build puts the stage together: every instruction becomes a change of the
// configuration or a node; no node is solved.
func (p *plain) build(ctx context.Context, s *plannedStage) (*stage, error) {
	if s.state != nil {
		return s.state, nil
	}
	if s.pending {
		return nil, s.at.wrap(errCircle)
	}
	s.pending = true
	defer func() { s.pending = false }()
	titles := &numbered{stage: s.from.Name, total: s.total}
	if s.from.Name == "" && len(p.stages) > 1 {
		titles.stage = "stage-" + strconv.Itoa(s.index)
	}
	sc := &scope{titles: titles, plain: true, seen: s.outline.seen, stage: func(name string) (*stage, error) {
		other, err := p.earlier(name, s)
		if other == nil || err != nil {
			return nil, err
		}
		return p.build(ctx, other)
	}}
	var base *stage
	if s.base != nil {
		var err error
		if base, err = p.build(ctx, s.base); err != nil {
			return nil, err
		}
	}
	in := &input{place: s.at, cmd: s.from}
	in.track = titles.track()
	st, err := p.b.stepped(ctx, p.start, in, func() (*stage, error) { return p.b.from(ctx, p.start, sc, in, base) })
	for _, step := range s.steps {
		if err != nil {
			return nil, err
		}
		before, in := st, &input{place: step.at, cmd: step.cmd}
		in.track = titles.track()
		st, err = p.b.stepped(ctx, before, in, func() (*stage, error) { return p.b.apply(ctx, before, sc, in) })
	}
	if err != nil {
		return nil, err
	}
	s.state = st
	return st, nil
}

// numbered gives steps their titles: "[build 2/5] RUN make".
type numbered struct {
	stage       string
	next, total int
}

// track is the stage's on a trace.
func (n *numbered) track() string { return strings.TrimSpace("stage " + n.stage) }

func (n *numbered) title(text string) string {
	n.next++
	if n.total == 0 {
		return text
	}
	prefix := fmt.Sprintf("%*d/%d", len(strconv.Itoa(n.total)), n.next, n.total)
	if n.stage != "" {
		prefix = n.stage + " " + prefix
	}
	return "[" + prefix + "] " + text
}
