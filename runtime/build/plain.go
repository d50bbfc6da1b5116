package build

import (
	"context"
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
// the target's last node is solved at the end.
type plain struct {
	b      *Builder
	file   *syntax.File
	expand expander
	start  *stage // the global ARGs
	stages []*plannedStage
}

type plannedStage struct {
	index   int
	from    *instructions.Stage
	at      place
	base    *plannedStage // an earlier stage that FROM names; nil: an image
	steps   []plannedStep
	total   int // steps that the display counts
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
	p := &plain{b: b, file: f, expand: b.dockerfileRules, start: b.start()}
	for _, in := range f.Instructions {
		at := place{source: f.Source, span: in.Span, keyword: in.Keyword, text: in.Text}
		cmd, err := instr.Parse(in.Text, f.Escape)
		if err != nil {
			return nil, at.wrap(err)
		}
		if err := p.add(at, cmd); err != nil {
			return nil, at.wrap(err)
		}
	}
	if len(p.stages) == 0 {
		return nil, &diag.Error{Source: f.Source, Span: f.Source.Span(0, 0), Err: fmt.Errorf("no FROM in it: nothing to build")}
	}
	return p, ctx.Err()
}

func (p *plain) add(at place, cmd any) error {
	switch c := cmd.(type) {
	case *instructions.Stage:
		return p.addStage(at, c)
	case *instructions.ArgCommand:
		if len(p.stages) == 0 {
			p.start = p.start.clone()
			return p.b.arg(p.start, c, p.expand)
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

func (p *plain) addStage(at place, c *instructions.Stage) error {
	from := *c
	name, err := p.expand(from.BaseName, p.start.globals)
	if err != nil {
		return err
	}
	if name == "" {
		return diag.WithHint(fmt.Errorf("the base's name (%s) is empty", from.BaseName), "give the ARG that it uses a value: --build-arg, or a default before the first FROM")
	}
	from.BaseName = name
	if from.Platform != "" {
		if from.Platform, err = p.expand(from.Platform, p.start.globals); err != nil {
			return err
		}
		if from.Platform == "" {
			return fmt.Errorf("--platform=%s is empty", c.Platform)
		}
	}
	s := &plannedStage{index: len(p.stages), from: &from, at: at, base: p.find(from.BaseName)}
	if _, ok := p.b.namedContext(from.Name); ok && from.Name != "" {
		from.BaseName, s.base, s.replaced = from.Name, nil, true
	}
	if s.base == nil && from.BaseName != scratchName {
		s.total++
	}
	p.stages = append(p.stages, s)
	return nil
}

// find returns the latest stage of a name, or nil.
func (p *plain) find(name string) *plannedStage {
	for i := len(p.stages) - 1; i >= 0; i-- {
		if s := p.stages[i]; s.from.Name != "" && strings.EqualFold(s.from.Name, name) {
			return s
		}
	}
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
	seen := map[*plannedStage]bool{}
	var visit func(s *plannedStage)
	visit = func(s *plannedStage) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		visit(s.base)
		if s.base == nil && s.from.BaseName != scratchName {
			group.Go(func() error {
				_, err := p.b.resolve(s.from.BaseName, s.from.Platform)
				return s.at.wrap(err)
			})
		}
		for _, step := range s.steps {
			if c, ok := step.cmd.(*instructions.CopyCommand); ok && c.From != "" {
				if other, err := p.earlier(c.From, s); err == nil {
					visit(other)
				}
			}
		}
	}
	visit(target)
	return group.Wait()
}

// earlier returns the stage that --from names, by name or number, seen from
// stage s; nil: no stage, so an image.
func (p *plain) earlier(from string, s *plannedStage) (*plannedStage, error) {
	other := p.find(from)
	if n, err := strconv.Atoi(from); err == nil {
		if n < 0 || n >= len(p.stages) {
			return nil, fmt.Errorf("--from=%s: there is no stage of that number", from)
		}
		other = p.stages[n]
	}
	if other != nil && other.index >= s.index {
		return nil, diag.WithHint(fmt.Errorf("--from=%s: the stage comes only later", from), "put the stage before the one that copies from it")
	}
	return other, nil
}

// build puts the stage together: every instruction becomes a change of the
// configuration or a node; no node is solved.
func (p *plain) build(ctx context.Context, s *plannedStage) (*stage, error) {
	if s.state != nil {
		return s.state, nil
	}
	if s.pending {
		return nil, s.at.wrap(fmt.Errorf("the stages depend on each other in a circle"))
	}
	s.pending = true
	defer func() { s.pending = false }()
	titles := &numbered{stage: s.from.Name, total: s.total}
	if s.from.Name == "" && len(p.stages) > 1 {
		titles.stage = "stage-" + strconv.Itoa(s.index)
	}
	sc := &scope{titles: titles, expand: p.expand, stage: func(name string) (*stage, error) {
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
	st, err := p.b.stepped(ctx, p.start, in, func() (*stage, error) { return p.b.from(ctx, p.start, sc, in, base) })
	for _, step := range s.steps {
		if err != nil {
			return nil, err
		}
		before, in := st, &input{place: step.at, cmd: step.cmd}
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

// dockerfileRules expands a word as BuildKit does.
func (b *Builder) dockerfileRules(word string, vars env) (string, error) {
	return instr.Word(word, vars, b.escape)
}
