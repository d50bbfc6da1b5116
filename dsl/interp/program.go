package interp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

var (
	errNoFile   = errors.New("a file name is needed")
	errTooDeep  = fmt.Errorf("files source each other more than %d deep", maxDepth)
	errNotFound = errors.New("not found")
)

// killDelay is how long a host program has to end after an interrupt.
const killDelay = 2 * time.Second

// runProgram runs a host program, if it is allowed.
func (x *shell) runProgram(ctx context.Context, hc interp.HandlerContext, args []string) error {
	if !x.allows(args[0]) {
		return x.abort(x.unknown(hc, args[0]))
	}
	if !x.calls.enter() {
		return context.Cause(ctx)
	}
	defer x.calls.leave()
	path, err := exec.LookPath(args[0])
	if err != nil && strings.Contains(args[0], "/") && !filepath.IsAbs(args[0]) {
		path, err = filepath.Join(hc.Dir, args[0]), nil
	}
	if err != nil {
		return x.fail(hc.Env, x.shellError(hc.Env, args[0], &programStatus{errors.New("no such program on this host"), 127}))
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Dir = args, hc.Dir
	cmd.Env = append(os.Environ(), exported(hc.Env)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = hc.Stdin, plain(hc.Stdout), plain(hc.Stderr)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = killDelay
	err = cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status := exit.ExitCode()
		if status < 0 {
			status = 128 + 9 // by a signal; which one matters to nobody here
		}
		err = &programStatus{err, status}
	}
	return x.fail(hc.Env, x.shellError(hc.Env, brief(args), err))
}

// programStatus is a host program that failed.
type programStatus struct {
	err    error
	status int
}

func (p *programStatus) Error() string   { return p.err.Error() }
func (p *programStatus) ExitStatus() int { return p.status }

// plain gives the writer under an output that holds messages back.
func plain(w io.Writer) io.Writer {
	if o := ours(w); o != nil {
		return writerFunc(o.direct)
	}
	return w
}

// ours is the output of this package that w is, or nil.
func ours(w io.Writer) *output {
	switch w := w.(type) {
	case *output:
		return w
	case *jobStream:
		return w.output
	}
	return nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// allows says whether a script may run a host program.
func (x *shell) allows(name string) bool {
	if len(x.options.AllowHostProgs) > 0 {
		return slices.Contains(x.options.AllowHostProgs, name)
	}
	return x.options.AllowHost && !strings.HasPrefix(name, own)
}

// exported gives the script's exported variables, "K=V".
func exported(env expand.Environ) []string {
	var list []string
	for name, v := range scalars(env) {
		if v.Exported {
			list = append(list, name+"="+v.String())
		}
	}
	slices.Sort(list)
	return list
}

// unknown is the error of a word that nothing is known for.
func (x *shell) unknown(hc interp.HandlerContext, name string) error {
	message := "unknown instruction or command: " + name
	hint := fmt.Sprintf("a script runs no programs of the host: put it behind RUN to run it in the container, or allow it by --allow-host=%s", name)
	if near := x.program.nearest(name); near != "" {
		message += " (did you mean " + near + "?)"
		hint = ""
	}
	return x.shellError(hc.Env, "", &refusal{message, hint})
}

// nearest is the word that name may be a misspelling of. A program's name is none,
// however near it is.
func (p *program) nearest(name string) string {
	if up := strings.ToUpper(name); syntax.IsKeyword(up) {
		return up
	}
	if _, err := exec.LookPath(name); err == nil || slices.Contains(programs, name) {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known := slices.Clone(syntax.Keywords)
	for f := range p.functions {
		if f != name { // it is declared further on
			known = append(known, f)
		}
	}
	return diag.Nearest(name, append(known, builtins...))
}

// programs are names that scripts often call, and that some host may not have.
var programs = []string{
	"apt", "apt-get", "apk", "awk", "basename", "cat", "chmod", "chown", "cp", "curl", "cut", "date", "dirname",
	"dnf", "docker", "find", "git", "go", "grep", "head", "ls", "make", "mkdir", "mktemp", "mv", "node", "npm",
	"pip", "python", "python3", "rm", "sed", "sh", "bash", "sleep", "sort", "sudo", "tail", "tar", "tee", "touch",
	"tr", "uname", "uniq", "wc", "wget", "xargs", "yum",
}

// builtins are those of the shell's that do something.
var builtins = []string{
	"alias", "break", "builtin", "cd", "command", "continue", "declare", "echo", "eval", "exec", "exit",
	"export", "false", "getopts", "let", "local", "mapfile", "popd", "printf", "pushd", "pwd", "read",
	"readarray", "readonly", "return", "set", "shift", "shopt", "source", "test", "trap", "true", "type",
	"typeset", "unalias", "unset", "wait",
}
