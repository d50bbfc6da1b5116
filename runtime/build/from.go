package build

import (
	"context"
	"fmt"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/instr"
)

// scratchName is the base that has nothing.
const scratchName = "scratch"

// from begins a stage, on an earlier one or on an image, and carries out the
// ONBUILD triggers of either. before has the global ARGs.
func (b *Builder) from(ctx context.Context, before *stage, sc *scope, in *input, base *stage) (*stage, error) {
	c := in.cmd.(*instructions.Stage)
	s := &stage{begun: true, name: c.Name, base: c.BaseName, globals: before.globals, epoch: b.epoch, noCache: b.noCacheFor(c.Name)}
	switch {
	case base != nil:
		s.continues(base)
		b.noStep(in.place, "goes on with the stage "+c.BaseName, nil)
	case c.BaseName == scratchName:
		if _, err := b.platform(c.Platform); err != nil {
			return nil, in.wrap(err)
		}
		b.noStep(in.place, "begins with nothing", nil)
		// It is the target's platform, whatever --platform says.
		s.image, s.platform = scratch(b.target), b.target
		s.env = env(nil).setAll(s.image.Config.Env)
	default:
		wanted, err := b.platform(c.Platform)
		if err != nil {
			return nil, in.wrap(err)
		}
		img, err := b.resolve(c.BaseName, c.Platform)
		if err != nil {
			return nil, in.wrap(err)
		}
		b.lint.at(in.place).basePlatform(c.BaseName, wanted, img.config.Platform)
		title := ""
		if img.folder == nil { // a folder has a step of its own
			title = sc.titles.title("FROM " + c.BaseName)
		}
		b.noStep(in.place, "", img)
		s.begin(img, b.unpackNode(img, in, title))
	}
	triggers := s.image.Config.OnBuild
	s.image.Config.OnBuild = nil
	return b.triggered(ctx, s, sc, in, triggers)
}

// continues takes over what an earlier stage has become. ARGs carry over, as
// in BuildKit; CMD's mark, CWD, MEM and USERNS do not.
func (s *stage) continues(base *stage) {
	c := base.clone()
	s.node, s.image, s.platform = c.node, c.image, c.platform
	s.env, s.args, s.baseHistory, s.workdirSet = c.env, c.args, c.baseHistory, c.workdirSet
	s.env = s.env.setAll(s.image.Config.Env)
}

// begin takes over an image.
func (s *stage) begin(img *base, n *node) {
	s.node, s.platform = n, img.platform
	s.image = img.config
	s.image.Created = nil
	s.baseHistory = len(s.image.History)
	s.image.Config.Env = slices.Clip(s.image.Config.Env)
	if _, ok := env(nil).setAll(s.image.Config.Env).Get("PATH"); !ok {
		s.image.Config.Env = append(s.image.Config.Env, "PATH="+defaultPath)
	}
	s.env = env(nil).setAll(s.image.Config.Env)
	*s = *s.clone()
}

// triggered carries out ONBUILD triggers, in the place of the FROM.
func (b *Builder) triggered(ctx context.Context, s *stage, sc *scope, in *input, triggers []string) (*stage, error) {
	for _, text := range triggers {
		cmd, err := instr.Onbuild(text)
		if err == nil {
			// A trigger is a plain Dockerfile's instruction wherever it runs.
			plain := *sc
			plain.plain = true
			at := in.place
			at.comments = nil // they are the FROM's
			s, err = b.applied(ctx, s, &plain, &input{place: at, cmd: cmd})
		}
		if err != nil {
			return nil, in.wrap(fmt.Errorf("the base's ONBUILD %s: %w", text, err))
		}
	}
	return s, nil
}
