package build

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/check"
	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/interp"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// script runs a script and returns the top-level shell's stage at its end, or
// the one that --target names; nil: there is none.
func (b *Builder) script(ctx context.Context, f *syntax.File) (*stage, error) {
	warnings, err := b.checkScript(f)
	for _, w := range warnings {
		b.progress.Note(fmt.Sprintf("warning: %s:%s: %s: %s (%s)", w.Source.Name, w.Span.Start, w.Rule, w.Detail, w.Hint))
	}
	if err != nil {
		return nil, err
	}
	defer b.bringAhead(f)()
	programs, anyProgram := b.opts.AllowHost, slices.Contains(b.opts.AllowHost, "*")
	if anyProgram {
		programs = nil
	}
	last, err := interp.Run(ctx, f, interp.Options{
		Builder: &shell{b}, Dir: b.opts.Context, Args: b.opts.Args, Name: b.opts.Name,
		AllowHost: anyProgram, AllowHostProgs: programs, AllowWrite: b.opts.AllowWrite,
		Stdout: b.opts.Stdout, Stderr: b.opts.Stderr, Strict: b.opts.Cached,
	})
	if err != nil {
		return nil, err
	}
	if b.opts.Target != "" {
		if s := b.byName(b.opts.Target); s != nil {
			return s, nil
		}
		return nil, noTarget(b.opts.Target, b.names())
	}
	s, _ := last.(*stage)
	if s == nil || !s.begun {
		return nil, nil
	}
	return s, nil
}

// checkScript looks through a script before anything of it runs.
func (b *Builder) checkScript(f *syntax.File) ([]check.Warning, error) {
	warnings, err := check.Script(f, check.Options{AllowHost: b.opts.AllowHost})
	return warnings, errors.Join(err, interp.Check(f))
}

// checkedScript is Check for a script.
func (b *Builder) checkedScript(f *syntax.File) ([]Finding, error) {
	warnings, err := b.checkScript(f)
	var found []Finding
	for _, w := range warnings {
		found = append(found, Finding{Rule: w.Rule, Description: w.Description, Detail: w.Detail + ": " + w.Hint, Source: w.Source, Span: w.Span})
	}
	return found, err
}

// shell carries out the instructions that a script reaches, each at once.
type shell struct{ b *Builder }

// Do carries out one instruction and makes its files.
func (sh *shell) Do(ctx context.Context, st interp.Stage, call *interp.Call) (interp.Stage, error) {
	s, _ := st.(*stage)
	if s == nil {
		s = sh.b.start("")
	}
	in := &input{
		place: place{source: call.Source, span: call.Span, keyword: call.Keyword, text: call.Text}, cmd: call.Instr,
		stdin: call.Stdin, stdout: call.Stdout, env: call.Env, probe: call.Probe,
	}
	in.track = "script"
	if call.Shell != "" {
		in.track = "subshell " + call.Shell
	}
	next, err := sh.b.stepped(ctx, s, in, func() (*stage, error) { return sh.do(ctx, s, in) })
	if err := sh.b.forgivable(err); err != nil {
		return nil, err
	}
	sh.b.rename(call.Shell, s, next)
	return next, nil
}

func (sh *shell) do(ctx context.Context, s *stage, in *input) (*stage, error) {
	name := s.name
	if c, ok := in.cmd.(*instructions.Stage); ok {
		name = c.Name
		if _, ok := sh.b.namedContext(name); ok && name != "" {
			err := fmt.Errorf("--build-context %s: a script's own stage cannot be replaced", name)
			return nil, in.wrap(diag.WithHint(err, "name what FROM or --from takes, or write FROM ${BASE} and give --build-arg BASE"))
		}
	}
	sc := &scope{titles: &named{name}, stage: func(name string) (*stage, error) { return sh.b.byName(name), nil }}
	var next *stage
	var err error
	if c, ok := in.cmd.(*instructions.Stage); ok {
		next, err = sh.b.from(ctx, s, sc, in, sh.b.byName(c.BaseName))
	} else {
		next, err = sh.b.apply(ctx, s, sc, in)
	}
	if err != nil {
		return nil, err
	}
	_, err = next.node.solve(ctx)
	return next, err
}

// rename lets a stage's name stand for what the stage has become. Only the
// shell that wrote the FROM moves the name on: a branch of it is another image.
func (b *Builder) rename(shell string, before, after *stage) {
	if after.name == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	owner := "shell " + shell // the top-level one has no number
	if after.shell == "" {
		after.shell = owner
	}
	if after.shell == owner {
		b.named[strings.ToLower(after.name)] = after
	}
}

func (b *Builder) byName(name string) *stage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.named[strings.ToLower(name)]
}

func (b *Builder) names() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, s := range b.named {
		out = append(out, s.name)
	}
	slices.Sort(out)
	return out
}

// named gives a script's steps their titles: "[build] RUN make". A script does
// not know how many there will be.
type named struct{ stage string }

func (n *named) title(text string) string {
	if n.stage == "" {
		return text
	}
	return fmt.Sprintf("[%s] %s", n.stage, text)
}
