package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// exec runs a command that is neither a function nor one of the interpreter's builtins.
func (s *Shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	switch args[0] {
	case private + "exec":
		if s.topLevel(hc) {
			if n, done := s.replace(hc, args[1:]); done {
				return hc.Builtin(ctx, []string{"exit", fmt.Sprint(n)})
			}
		}
		return hc.Builtin(ctx, append([]string{"exec"}, args[1:]...))
	case private + "kill":
		return status(s.kill(hc, args[1:]))
	case private + "job":
		return s.beginJob(ctx, hc)
	case private + "started":
		return s.startedJob(ctx, hc, args[1])
	case private + "finished":
		return s.finishedJob(hc, args[1])
	case private + "echo", private + "printf":
		// The interpreter's own write a line in pieces, and its printf has no precision.
		name := strings.TrimPrefix(args[0], private)
		return status(s.runInside(hc, s.Applets[name], append([]string{name}, args[1:]...)))
	case private + "trap":
		return s.trap(ctx, hc, args[1:])
	case private + "wait":
		return s.waitFor(ctx, hc, args[1:])
	case private + "umask":
		return s.setUmask(ctx, hc, args[1:])
	}
	return status(s.command(hc, args))
}

// private marks the names by which call hands builtins to exec; no file can have them.
const private = "/\x00"

// call sees every simple command before it runs. What the interpreter has no builtin for, or
// one that knows nothing of processes, is sent to exec; and it is the place between two
// commands where the action of a trapped signal runs.
func (s *Shell) call(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	if strings.HasPrefix(args[0], private) {
		return args, nil
	}
	if sig := s.endedBy(hc); sig != 0 {
		return []string{"exit", strconv.Itoa(128 + int(sig))}, nil
	}
	name := args[0]
	if isFunction(hc, name) {
		name = ""
	}
	switch name {
	case "echo", "kill", "printf", "trap", "umask":
		args = append([]string{private + args[0]}, args[1:]...)
	case "wait":
		if s.topLevel(hc) {
			args = append([]string{private + "wait"}, args[1:]...)
		}
	case "exec":
		if len(args) > 1 {
			args = append([]string{private + "exec"}, args[1:]...)
		}
	}
	if !s.topLevel(hc) {
		return args, nil
	}
	return s.traps.before(args)
}

// kill is the builtin: jobs of this shell have names that the kernel does not know. A signal to
// the shell itself has come when kill ends.
func (s *Shell) kill(hc interp.HandlerContext, args []string) int {
	before := s.traps.count()
	rest, n, done := s.killJobs(hc, args)
	if done {
		return n
	}
	n = max(n, s.runInside(hc, s.Applets["kill"], append([]string{"kill"}, rest...)))
	if slices.Contains(rest, strconv.Itoa(os.Getpid())) {
		s.traps.settle(before)
	}
	return n
}

func status(n int) error {
	if n == 0 {
		return nil
	}
	return interp.ExitStatus(n)
}

func (s *Shell) command(hc interp.HandlerContext, args []string) int {
	file, err := applet.LookPath(hc.Dir, searchPath(hc.Env), args[0])
	if err != nil {
		return s.notStarted(hc, args[0], err)
	}
	if a, ok := s.inside(hc, file, args); ok {
		return s.runInside(hc, a, args)
	}
	if args[0] == s.only && s.topLevel(hc) {
		// Nothing is left to do for the shell: as the first process of a container the program
		// gets its signals itself.
		if n, done := s.replace(hc, args); done {
			return n
		}
	}
	return s.start(hc, file, args)
}

func searchPath(env expand.Environ) string {
	if v := env.Get("PATH"); v.IsSet() {
		return v.String()
	}
	return applet.DefaultPath
}

// notStarted tells why a program could not be started.
func (s *Shell) notStarted(hc interp.HandlerContext, name string, err error) int {
	if errors.Is(err, syscall.ENOENT) {
		_, statErr := os.Lstat(under(hc.Dir, name))
		switch {
		case !strings.Contains(name, "/"):
			err = errors.New("not found")
		case statErr == nil:
			err = errors.New("the interpreter that it names is not there, or it is a dangling link")
		}
		fmt.Fprintf(hc.Stderr, "sh: %s: %s\n", name, applet.Message(err))
		return applet.StatusNotFound
	}
	fmt.Fprintf(hc.Stderr, "sh: %s\n", applet.Message(applet.At(name, err)))
	return applet.StatusNotExecutable
}

// inside reports whether a command can run in the shell's own process: its file, found by
// PATH, is this executable, and nothing about it would show. A changed umask belongs to a
// process, and a job can be killed; so do the names of a process's own descriptors and folder.
func (s *Shell) inside(hc interp.HandlerContext, file string, args []string) (applet.Applet, bool) {
	a, known := s.Applets[path.Base(args[0])]
	if !known || a.Run == nil || a.Alone || s.self == nil || s.umask(hc) != s.Umask || s.job(hc) != nil || slices.ContainsFunc(args, namesProcess) {
		return a, false
	}
	info, err := os.Stat(under(hc.Dir, file))
	return a, err == nil && os.SameFile(info, s.self)
}

func namesProcess(arg string) bool {
	return strings.Contains(arg, "/dev/std") || strings.Contains(arg, "/dev/fd") ||
		strings.Contains(arg, "/proc") || strings.Contains(arg, "/dev/tty")
}

func (s *Shell) runInside(hc interp.HandlerContext, a applet.Applet, args []string) int {
	c := &applet.Call{
		Name: path.Base(args[0]), Args: args[1:], Dir: hc.Dir, Umask: s.Umask,
		Environ: exported(hc), Stdin: hc.Stdin, Stderr: hc.Stderr,
	}
	if hc.Stdin == nil {
		c.Stdin = bytes.NewReader(nil)
	}
	return applet.Run(a, c, hc.Stdout)
}

func (s *Shell) start(hc interp.HandlerContext, file string, args []string) int {
	argv, self := args, applet.Self
	if mask := s.umask(hc); mask != s.Umask {
		// The umask is the process's, and other commands may be running in it just now: the
		// child sets its own.
		argv = append([]string{WithUmask, fmt.Sprintf("%o", mask), file}, args...)
		file = self
	}
	cmd, err := applet.Start(func() *exec.Cmd {
		return &exec.Cmd{Path: file, Args: argv, Env: exported(hc), Dir: hc.Dir,
			Stdin: hc.Stdin, Stdout: hc.Stdout, Stderr: hc.Stderr}
	}, self)
	if err != nil {
		return s.notStarted(hc, args[0], err)
	}
	n, err := s.wait(hc, cmd)
	if err != nil {
		fmt.Fprintf(hc.Stderr, "sh: %s: %s\n", args[0], applet.Message(err))
	}
	return n
}

// replace is exec in the shell proper: the program takes the place of this process, with its
// id and its parent. It returns only if that is not possible.
func (s *Shell) replace(hc interp.HandlerContext, args []string) (int, bool) {
	files := []any{hc.Stdin, hc.Stdout, hc.Stderr}
	fds := make([]int, len(files))
	for i, file := range files {
		f, ok := file.(*os.File)
		if !ok {
			return 0, false
		}
		fds[i] = int(f.Fd())
	}
	file, err := applet.LookPath(hc.Dir, searchPath(hc.Env), args[0])
	if err != nil {
		return s.notStarted(hc, args[0], err), true
	}
	err = become(fds, hc.Dir, s.umask(hc), file, args, exported(hc))
	return s.notStarted(hc, args[0], err), true
}

// topLevel tells the shell proper from its subshells, which are other runners in the same
// process. The interpreter does not say which one it is; only the identity of its unexported
// runner does, and that can be read, though not used.
func (s *Shell) topLevel(hc interp.HandlerContext) bool {
	runner := reflect.ValueOf(hc).FieldByName("runner")
	return runner.IsValid() && runner.Pointer() == reflect.ValueOf(s.runner).Pointer()
}

// isFunction reports whether the script has a function of a name, which goes before a builtin.
func isFunction(hc interp.HandlerContext, name string) bool {
	funcs := reflect.ValueOf(hc).FieldByName("runner").Elem().FieldByName("Funcs")
	return funcs.IsValid() && funcs.MapIndex(reflect.ValueOf(name)).IsValid()
}
