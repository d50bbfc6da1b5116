package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/compare"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/rootfs"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

// A Stepper goes with a build, instruction by instruction. A plain Dockerfile is then built as a script is: each
// instruction at once, one stage after the other. Its methods may be called by several goroutines at once, where
// a script has several jobs.
type Stepper interface {
	// Before is called before an instruction. An error ends the build.
	Before(ctx context.Context, at *Stop) error
	// After is called when it is done, with what it changed or with its error.
	After(at *Stop, e *Effect, err error)
}

// Stop is an instruction that is about to be carried out.
type Stop struct {
	Source  *diag.Source
	Span    diag.Span
	Keyword string
	Text    string

	b     *Builder
	stage *stage
}

// Effect is what an instruction changed.
type Effect struct {
	Files  []layer.Change
	Config []compare.Field // of the image's configuration and of what only the build knows (CWD, MEM, USERNS, ARG)
	Base   string          // FROM: what the stage stands on
	Layers int             // FROM: how many layers it brings
}

// stepped carries out an instruction by do, if there is a Stepper with its company.
func (b *Builder) stepped(ctx context.Context, s *stage, in *input, do func() (*stage, error)) (*stage, error) {
	if b.opts.Stepper == nil {
		return do()
	}
	stop := &Stop{Source: in.source, Span: in.span, Keyword: in.keyword, Text: in.text, b: b, stage: s}
	if err := b.opts.Stepper.Before(ctx, stop); err != nil {
		return nil, err
	}
	next, err := do()
	var e *Effect
	if err == nil {
		e, err = b.effect(ctx, s, next, in)
	}
	b.opts.Stepper.After(stop, e, err)
	return next, err
}

// effect compares the stage before and after an instruction, whose files it makes.
func (b *Builder) effect(ctx context.Context, before, after *stage, in *input) (*Effect, error) {
	have, err := after.node.solve(ctx)
	if err != nil {
		return nil, err
	}
	e := &Effect{}
	if from, ok := in.cmd.(*instructions.Stage); ok {
		e.Base, e.Layers = from.BaseName, len(have.layers)
		return e, nil
	}
	had, err := before.node.solve(ctx)
	if err != nil {
		return nil, err
	}
	if len(have.layers) > len(had.layers) {
		dirs, err := b.lowers(have)
		if err != nil {
			return nil, err
		}
		if e.Files, err = layer.Changes(ctx, dirs[0], dirs[1:]); err != nil {
			return nil, err
		}
	}
	e.Config, err = compare.Values(before.facts(), after.facts())
	return e, err
}

// facts are what instructions change besides files.
func (s *stage) facts() map[string]any {
	args := map[string]string{}
	for _, a := range s.args {
		if v, ok := s.env.Get(a.Key); ok {
			args[a.Key] = v
		}
	}
	for _, v := range s.globals {
		if !s.begun {
			args[v.Name] = v.Value
		}
	}
	facts := map[string]any{"config": s.image.Config, "arg": args}
	if s.image.Author != "" {
		facts["author"] = s.image.Author
	}
	if s.cwd != "" {
		facts["cwd"] = s.cwd
	}
	if s.memory != 0 {
		facts["memory"] = s.memory
	}
	if s.root != nil {
		facts["userns"] = s.root.Host
	}
	return facts
}

// solveAll builds the stages that the target needs one after the other, for a Stepper.
func (p *plain) solveAll(ctx context.Context, target *plannedStage) error {
	needed := map[*plannedStage]bool{}
	p.need(target, needed)
	for _, s := range p.stages {
		if !needed[s] {
			continue
		}
		if _, err := p.build(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (p *plain) need(s *plannedStage, needed map[*plannedStage]bool) {
	if s == nil || needed[s] {
		return
	}
	needed[s] = true
	p.need(s.base, needed)
	from := func(name string) {
		if other, err := p.earlier(name, s); name != "" && err == nil {
			p.need(other, needed)
		}
	}
	for _, step := range s.steps {
		switch c := step.cmd.(type) {
		case *instructions.CopyCommand:
			from(c.From)
		case *instructions.RunCommand:
			for _, m := range instructions.GetMounts(c) {
				from(m.From)
			}
		}
	}
}

// Begun says whether there is a stage, so that Shell has files to be in.
func (st *Stop) Begun() bool { return st.stage.begun }

// Shell runs the image's shell on the stage's files as they are before the instruction, as its user and in its
// folder. What it changes there is dropped. With t nil it reads its commands from in and writes to out.
func (st *Stop) Shell(ctx context.Context, t *sandbox.Terminal, kind string, in io.Reader, out io.Writer) (err error) {
	if !st.stage.begun {
		return errNoStage
	}
	f, err := st.stage.node.solve(ctx)
	if err != nil {
		return err
	}
	draft, err := st.b.layers.Draft()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Discard()) }()
	root, done, err := st.b.mountFor(ctx, f, draft, st.stage.root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done(false)) }()
	return st.shell(ctx, root, t, kind, in, out)
}

func (st *Stop) shell(ctx context.Context, root string, t *sandbox.Terminal, kind string, in io.Reader, out io.Writer) error {
	s := st.stage
	user, err := rootfs.LookupUser(root, s.image.Config.User)
	if err != nil {
		return err
	}
	state, err := st.b.layers.Temp()
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	spec := sandbox.Spec{
		ID: newID(), Rootfs: root, StateDir: state, Args: s.interactive(), Env: s.env.over(nil), Cwd: s.workdir(),
		UID: user.UID, GID: user.GID, Groups: user.Groups, Hostname: st.b.hostname(),
		Terminal: t, Stdin: in, Stdout: out, Stderr: out, Root: s.root,
	}
	if err := st.b.confine(ctx, &spec, st.b.confined()); err != nil {
		return err
	}
	if t != nil {
		spec.Env = withTerm(spec.Env, kind)
	}
	if s.cwd != "" {
		spec.Cwd = s.cwd
	}
	if !haveDir(root, spec.Cwd) {
		spec.Cwd = "/"
	}
	_, err = st.b.sandbox.Run(ctx, spec)
	if err := noShell(err, spec.Args); err != nil {
		return fmt.Errorf("open a shell in the stage: %w", err)
	}
	return nil
}
