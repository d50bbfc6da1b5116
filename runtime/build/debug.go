package build

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// Broken is a RUN or EXEC that failed, while its container's files and mounts are still there.
type Broken struct {
	Exit    *ExitError
	Err     error    // Exit with its place
	Command []string // what failed, as the container saw it
	shell   []string
	spec    sandbox.Spec
	sandbox *sandbox.Sandbox
}

// Shell runs the image's shell in the failed container: with the same files, as they were when the command
// failed, and the same mounts, environment, user and working folder. It returns when the shell ends. An error
// says that there was no shell to run.
func (br *Broken) Shell(ctx context.Context, t *sandbox.Terminal, kind string) error {
	spec := br.spec
	spec.ID, spec.Args = newID(), br.shell
	spec.Stdin, spec.Stdout, spec.Stderr = nil, nil, nil
	spec.Terminal = t
	spec.Env = withTerm(spec.Env, kind)
	_, err := br.sandbox.Run(ctx, spec)
	return noShell(err, br.shell)
}

// withTerm tells programs what kind of terminal they have, unless the image says it.
func withTerm(env []string, kind string) []string {
	if kind == "" || slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "TERM=") }) {
		return env
	}
	return append(slices.Clip(env), "TERM="+kind)
}

func noShell(err error, shell []string) error {
	var missing *sandbox.ExecError
	if errors.As(err, &missing) {
		return fmt.Errorf("the image has no shell to open: %s: %s", shell[0], missing.Reason)
	}
	return err
}

// interactive is the image's shell without what makes it run one command.
func (s *stage) interactive() []string {
	shell := s.inShell("")
	shell = shell[:len(shell)-1]
	if n := len(shell); n > 1 && shell[n-1] == "-c" {
		shell = shell[:n-1]
	}
	return shell
}

// debugging is what a RUN needs if its failure is to be shown with its container: nil for one whose failure is
// an answer.
type debugging struct {
	in    *input
	shell []string
	show  func(context.Context, *Broken)
}

func (b *Builder) debugging(s *stage, in *input) *debugging {
	if b.opts.Broken == nil || in.probe {
		return nil
	}
	return &debugging{in, s.interactive(), b.opts.Broken}
}

// stop shows a container whose program failed, and returns the failure.
func (d *debugging) stop(ctx context.Context, s *sandbox.Sandbox, spec sandbox.Spec, out *output, failure error) error {
	var exit *ExitError
	if d == nil || ctx.Err() != nil || !errors.As(failure, &exit) {
		return failure
	}
	exit.Tail = out.tail.lines()
	d.show(ctx, &Broken{Exit: exit, Err: d.in.wrap(failure), Command: spec.Args, shell: d.shell, spec: spec, sandbox: s})
	return failure
}
