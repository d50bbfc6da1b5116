package interp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// Run runs a script to its end, background jobs included, and returns the current
// stage of its top-level shell; nil if it has none. Each File can be run once: its
// Shell is changed. Errors are *diag.Error, several of them joined; a script that ends
// itself with a status gives an *ExitError inside.
func Run(ctx context.Context, f *syntax.File, o Options) (Stage, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	x, err := newShell(o, cancel)
	if err != nil {
		return nil, err
	}
	defer x.close()
	defer context.AfterFunc(ctx, x.pipes.release)()
	if x.options.Name == "" {
		x.options.Name = f.Source.Name
	}
	file, err := x.program.load(f)
	if err != nil {
		return nil, err
	}
	file.Name = x.options.Name

	runner, err := x.runner()
	if err != nil {
		return nil, err
	}
	if err := runner.Run(ctx, prelude()); err != nil {
		return nil, fmt.Errorf("start the shell: %w", err)
	}
	status := runner.Run(ctx, file)
	return x.finish(ctx, runner, status)
}

// finish waits for what is still running and says how the script ended.
func (x *shell) finish(ctx context.Context, runner *interp.Runner, status error) (Stage, error) {
	err := x.ending(ctx, runner, status)
	if err == nil {
		err = x.jobs.join(ctx, "", true)
	} else if failed := x.jobs.failed(); failed != nil && x.aborted() == nil {
		err = errors.Join(err, failed)
	}
	x.cancel(err)
	x.calls.close()
	if fatal := x.aborted(); fatal != nil {
		err = fatal
	}
	if err != nil {
		x.release(err.Error())
		return nil, err
	}
	x.release("")
	return x.stages.current(runner.Vars[varStage].String()).stage, nil
}

// ending is the error that the top-level shell ended with. A shell that reached the
// script's end has succeeded, whatever its last status.
func (x *shell) ending(ctx context.Context, runner *interp.Runner, status error) error {
	if fatal := x.aborted(); fatal != nil {
		return fatal
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if x.messages(variables(runner.Vars)).expansion() {
		return x.shellError(variables(runner.Vars), "", errExpansion)
	}
	if status == nil || !runner.Exited() {
		return nil
	}
	var known *failure
	if errors.As(status, &known) {
		return known.err
	}
	vars := variables(runner.Vars)
	if exit := vars.Get(varExit).Str; exit != "" {
		if f := x.jobs.last(0); f != nil && f.status == statusOf(status) {
			return f.err // exit $?, and the like
		}
		src, span := x.program.at(exit)
		return &diag.Error{Source: src, Span: span, Op: "exit", Err: &ExitError{Status: int(statusOf(status))}}
	}
	if err := x.jobs.passedOn(0, statusOf(status), at(vars)); err != nil {
		return err
	}
	return x.shellError(vars, x.program.text(at(vars)), exitStatus(statusOf(status)))
}

// shell is one run of a script. Its methods are called by several goroutines at once.
type shell struct {
	options        Options
	cancel         context.CancelCauseFunc
	folders        *folders
	stdin          *os.File
	stdout, stderr *output
	pipes          pipes

	program program
	stages  stages
	jobs    jobs
	calls   gate
	taken   taken

	branches atomic.Int64 // subshells so far

	mu    sync.Mutex
	fatal error // what ends the script at once
}

func newShell(o Options, cancel context.CancelCauseFunc) (*shell, error) {
	x := &shell{options: o, cancel: cancel, stdout: newOutput(o.Stdout), stderr: newOutput(o.Stderr)}
	x.stderr.holds = true
	x.jobs.changed = sync.NewCond(&x.jobs.mu)
	var err error
	if x.folders, err = openFolders(o.Dir, o.AllowWrite); err != nil {
		return nil, err
	}
	if o.Strict {
		for _, d := range x.folders.all {
			d.denied = func(err error) { _ = x.abort(err) }
		}
	}
	if x.stdin, err = os.Open(os.DevNull); err != nil {
		x.folders.close()
		return nil, fmt.Errorf("open the script's input: %w", err)
	}
	if x.pipes.folder, err = os.MkdirTemp("", "shbuild-script-"); err != nil {
		x.folders.close()
		x.stdin.Close()
		return nil, fmt.Errorf("make a folder for the script's pipes: %w", err)
	}
	return x, nil
}

func (x *shell) close() {
	x.stdout.close()
	x.stderr.close()
	x.folders.close()
	x.stdin.Close()
	x.pipes.remove()
}

func (x *shell) runner() (*interp.Runner, error) {
	params := append([]string{"-e", "-o", "pipefail", "--"}, x.options.Args...)
	return interp.New(
		interp.Dir(x.options.Dir),
		// The runner fills in what is missing here from the host; prelude unsets it.
		interp.Env(expand.ListEnviron("HOME=/", "UID=0", "EUID=0", "GID=0", "TMPDIR="+x.pipes.folder)),
		interp.Params(params...),
		interp.StdIO(x.stdin, x.stdout, x.stderr),
		interp.CallHandler(x.onCall),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return x.onExec }),
		interp.OpenHandler(x.onOpen),
		interp.ReadDirHandler2(x.onReadDir),
		interp.StatHandler(x.onStat),
		interp.AccessHandler(x.onAccess),
	)
}

func prelude() *sh.File {
	const text = `unset HOME UID EUID GID TMPDIR
` + varAt + `= ` + varStack + `= ` + varStage + `= ` + varShell + `= ` + varJob + `=0 ` + varForgiven + `= ` + varTrapped + `=`
	f, err := sh.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		panic(err) // a constant
	}
	return f
}

// abort ends the whole script with err, whatever the shell would forgive. The first
// call counts.
func (x *shell) abort(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fatal == nil {
		x.fatal = err
		x.cancel(err)
	}
	return err
}

func (x *shell) aborted() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.fatal
}

// variables is a runner's variables as an environment.
type variables map[string]expand.Variable

func (v variables) Get(name string) expand.Variable { return v[name] }

func (v variables) Each(f func(name string, vr expand.Variable) bool) {
	for name, vr := range v {
		if !f(name, vr) {
			return
		}
	}
}

// gate counts the calls to the outside that are under way.
type gate struct {
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

// enter says whether a call may begin. Each one that may must leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.calls.Add(1)
	return true
}

func (g *gate) leave() { g.calls.Done() }

// close lets no more calls in and waits for those that are.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.calls.Wait()
}
