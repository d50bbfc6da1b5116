package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/owner"
	"github.com/shbuild/shbuild/runtime/rootfs"
	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/trace"
	"github.com/shbuild/shbuild/runtime/userns"
)

// ExitError is a program in a container that did not end with 0.
type ExitError struct {
	Status int      // 1 to 255; 128+n when signal n ended it
	Signal string   // the signal's name, "SIGKILL"; empty: it ended by itself
	Tail   []string // the last lines that it wrote, on either stream
	Ran    string   // the command as the container saw it; secrets are hidden
	Memory string   // that it ran out of memory, and how much that is; empty: it did not
	Reason string   // why it could not be started at all; empty: it ran
	Advice string
	Shown  bool // to the user already, by whom Options.Broken called
}

func (e *ExitError) Error() string {
	switch {
	case e.Reason != "":
		return e.Reason
	case e.Memory != "":
		return fmt.Sprintf("%s (exit status %d)", e.Memory, e.Status)
	case e.Signal != "":
		return fmt.Sprintf("killed by %s (exit status %d)", e.Signal, e.Status)
	}
	return fmt.Sprintf("exit status %d", e.Status)
}

// ExitStatus is what the shell's $? gets.
func (e *ExitError) ExitStatus() int { return e.Status }

// Hint is the advice; package diag shows it.
func (e *ExitError) Hint() string { return e.Advice }

// runInputs are what the result of a RUN depends on.
type runInputs struct {
	Args   []string
	Env    []string
	User   string
	Dir    string
	Given  bool // Dir is CWD's, and not to be made
	Memory int64
	Stdin  string // hash of the standard input; empty: none
	Mounts []mountInputs
	Script string // of a heredoc that begins with #!; Args end with its path
	Host   string // the container's name, where it was chosen
	confinement

	// What is not part of the key.
	where   string   // it stands, for a warning
	proxies []string // variables
	root    *userns.Root
	debug   *debugging
}

// run carries out RUN: a node whose layer is what the command changes.
func (b *Builder) run(ctx context.Context, s *stage, sc *scope, in *input, c *instructions.RunCommand) error {
	confined, err := b.confinedBy(c)
	if err != nil {
		return err
	}
	args, script, err := runArgs(s, c)
	if err != nil {
		return err
	}
	mounts, err := b.mounts(ctx, s, sc, in, c)
	if err != nil {
		return err
	}
	b.container(s, sc, in, runInputs{Args: args, Script: script, confinement: confined}, mounts)
	s.commit("RUN "+s.toldArgs(args)+" # buildkit", true)
	return nil
}

// exec carries out EXEC: RUN's JSON form in words.
func (b *Builder) exec(s *stage, sc *scope, in *input, args []string) error {
	b.container(s, sc, in, runInputs{Args: args, confinement: b.confined()}, nil)
	s.commit("RUN "+s.toldArgs(args)+" # buildkit", true)
	return nil
}

// runArgs is the command line of a RUN. A heredoc by itself becomes the
// shell's script, or, with #!, a program of its own; further heredocs are put
// back for the image's shell to read.
func runArgs(s *stage, c *instructions.RunCommand) (args []string, script string, err error) {
	args = c.CmdLine
	if len(c.Files) > 0 {
		if len(args) != 1 || !c.PrependShell {
			return nil, "", errors.New("a heredoc goes with the shell form only")
		}
		if parser.MustParseHeredoc(args[0]) == nil {
			text := args[0]
			for _, f := range c.Files {
				text += "\n" + f.Data + f.Name
			}
			args = []string{text}
		} else {
			data := c.Files[0].Data
			if c.Files[0].Chomp {
				data = parser.ChompHeredocContent(data)
			}
			args = []string{data}
			if strings.HasPrefix(data, "#!") {
				script, args = data, []string{scriptFolder + c.Files[0].Name}
			}
		}
	}
	if c.PrependShell {
		args = s.inShell(strings.Join(args, " "))
	}
	return args, script, nil
}

// scriptFolder is where BuildKit puts a heredoc that begins with #!.
const scriptFolder = "/dev/pipes/"

// toldArgs is a command line as the history tells it: the ARGs in force come
// first, as |count NAME=value …
func (s *stage) toldArgs(args []string) string {
	var told []string
	at := map[string]int{}
	for _, a := range s.args {
		v, ok := s.env.Get(a.Key)
		if !ok {
			v = a.ValueString()
		}
		kv := a.Key + "=" + v
		if i, seen := at[a.Key]; seen {
			told[i] = kv
			continue
		}
		at[a.Key] = len(told)
		told = append(told, kv)
	}
	if len(told) > 0 {
		told = append([]string{fmt.Sprintf("|%d", len(told))}, told...)
	}
	return strings.Join(append(told, args...), " ")
}

// container adds the node that runs a program on the stage's files. What the
// inputs do not have yet is taken from the stage.
func (b *Builder) container(s *stage, sc *scope, in *input, inputs runInputs, mounts []mount) {
	inputs.Env = withAgent(s.env.over(in.env), mounts)
	inputs.proxies = proxyArgs(b.opts.BuildArgs).over(nil)
	inputs.debug = b.debugging(s, in)
	inputs.root = s.root
	if in.source != nil {
		inputs.where = fmt.Sprintf("%s:%s: %s", in.source.Name, in.span.Start, in.keyword)
	}
	inputs.Host = b.opts.BuildArgs[hostnameArg]
	inputs.User, inputs.Dir, inputs.Memory = s.image.Config.User, s.workdir(), s.memory
	if s.cwd != "" {
		inputs.Dir, inputs.Given = s.cwd, true
	}
	title := sc.titles.title(in.title())
	in.step(s)
	below, stagePlatform := s.node, s.platform
	s.node = &node{below: below, deps: mountDeps(mounts), make: func(ctx context.Context, f files, deps []files) (files, error) {
		out, err := b.contain(ctx, in, title, inputs, mounts, f, deps)
		return out, in.wrap(b.foreign(err, stagePlatform))
	}}
}

func (b *Builder) contain(ctx context.Context, in *input, title string, inputs runInputs, mounts []mount, below files, deps []files) (made files, err error) {
	ctx, span := in.begin(ctx)
	defer func() { ended(span, err) }()
	stdin, sum, err := b.spool(in.stdin)
	if err != nil {
		return files{}, err
	}
	if stdin != "" {
		defer os.Remove(stdin)
	}
	inputs.Stdin = sum
	inputs.Mounts = mountKeys(mounts, deps)
	return b.do(ctx, &job{
		place: in.place, title: title, inputs: inputs, probe: in.probe, stdout: in.stdout, root: inputs.root,
		make: func(ctx context.Context, root string, out *output) error {
			r := &ready{b: b, root: inputs.root}
			err := r.prepare(ctx, mounts, deps)
			if err == nil {
				err = b.sandboxed(ctx, root, inputs, r, stdin, out)
			}
			return errors.Join(err, r.release())
		},
	}, below)
}

// sandboxed runs the program in a container whose root is mounted at root.
func (b *Builder) sandboxed(ctx context.Context, root string, in runInputs, r *ready, stdin string, out *output) error {
	user, err := rootfs.LookupUser(root, in.User)
	if err != nil {
		return diag.WithHint(err, "USER names a user of the image's /etc/passwd, or a number")
	}
	if err := in.readyDir(root, user); err != nil {
		return err
	}
	state, err := b.layers.Temp()
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	mounts := r.mounts
	if in.Script != "" {
		bind, err := scriptMount(state, in)
		if err != nil {
			return err
		}
		mounts = append([]sandbox.Mount{bind}, mounts...)
		if err := errors.Join(giveRoot(bind.Source, in.root), giveRoot(filepath.Join(bind.Source, filepath.Base(in.Args[len(in.Args)-1])), in.root)); err != nil {
			return err
		}
	}
	spec := sandbox.Spec{
		ID: newID(), Rootfs: root, StateDir: state, Args: in.Args, Env: slices.Concat(in.Env, in.proxies, r.env), Cwd: in.Dir,
		UID: user.UID, GID: user.GID, Groups: user.Groups, Hostname: b.hostname(), Mounts: mounts, Grace: grace,
		Root: in.root, Memory: in.Memory, More: true, Isolation: b.opts.Isolation,
	}
	if _, set := env(nil).setAll(spec.Env).Get("HOME"); !set && owner.Kept() {
		spec.Env = append(spec.Env, "HOME="+user.Home) // the program is root's all the same
	}
	var flush func() error
	spec.Stdout, spec.Stderr, flush = out.streams(r.secrets)
	if err := b.confine(ctx, &spec, in.confinement); err != nil {
		return err
	}
	if stdin != "" {
		f, err := os.Open(stdin)
		if err != nil {
			return fmt.Errorf("open the step's standard input: %w", err)
		}
		defer f.Close()
		spec.Stdin = f
	}
	ctx, span := trace.Start(ctx, "container")
	res, err := b.sandbox.Run(ctx, spec)
	span.End()
	if err == nil && res.OOM && res.Status == 0 {
		b.progress.Note(fmt.Sprintf("warning: %s: a process of it was killed, %s; it succeeded all the same", in.where, outOfMemory(res, in.Memory)))
	}
	if ferr := flush(); err == nil {
		err = ferr
	}
	return in.debug.stop(ctx, b.sandbox, spec, out, withCommand(exitError(ctx, res, err, in.Memory), in.Args, r.secrets))
}

// grace is how long a program has to end when the build is interrupted.
const grace = 5 * time.Second

// readyDir makes the working folder, unless it is CWD's: that must be there.
func (in *runInputs) readyDir(root string, user rootfs.User) error {
	if !in.Given {
		var err error
		if user.UID, user.GID, err = ownerFor(in.root, user.UID, user.GID); err != nil {
			return err
		}
		return makeDir(root, in.Dir, user, nil)
	}
	if !haveDir(root, in.Dir) {
		return diag.WithHint(fmt.Errorf("there is no folder %s in the stage for CWD", in.Dir), "make it first: RUN mkdir -p "+in.Dir)
	}
	return nil
}

// scriptMount puts a heredoc that begins with #! where it can be run.
func scriptMount(dir string, in runInputs) (sandbox.Mount, error) {
	folder := filepath.Join(dir, "script")
	file := filepath.Join(folder, filepath.Base(in.Args[len(in.Args)-1]))
	if err := errors.Join(
		os.Mkdir(folder, 0o755), os.Chmod(folder, 0o755), os.WriteFile(file, []byte(in.Script), 0o755), os.Chmod(file, 0o755),
	); err != nil {
		return sandbox.Mount{}, fmt.Errorf("write the heredoc's script: %w", err)
	}
	return sandbox.Mount{Type: "bind", Source: folder, Target: strings.TrimSuffix(scriptFolder, "/"), ReadOnly: true}, nil
}

// exitError turns how a container ended into the step's error.
func exitError(ctx context.Context, res sandbox.Result, err error, limit int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		var status interface{ ExitStatus() int }
		if errors.As(err, &status) {
			return &ExitError{Status: status.ExitStatus(), Reason: err.Error(), Advice: diag.HintOf(err)}
		}
		return err
	}
	if res.Status == 0 {
		return nil
	}
	e := &ExitError{Status: res.Status, Signal: res.Signal}
	if res.OOM {
		e.Memory = outOfMemory(res, limit)
		e.Advice = "give it more, as in MEM " + short(2*limit) + ", or let it do less at once"
	}
	return e
}

// outOfMemory says what a program wanted and what it was allowed.
func outOfMemory(res sandbox.Result, limit int64) string {
	peak := ""
	if res.Peak > 0 {
		peak = ", of which it had " + units.BytesSize(float64(res.Peak))
	}
	return fmt.Sprintf("out of memory: MEM allows %s%s", units.BytesSize(float64(limit)), peak)
}

// short is a size as MEM takes it.
func short(n int64) string {
	if n%(1<<30) == 0 {
		return fmt.Sprintf("%dg", n>>30)
	}
	return fmt.Sprintf("%dm", max(1, n>>20))
}
