// Package shell is /bin/sh: mvdan.cc/sh's interpreter with what a shell needs of its process
// around it.
//
// Commands that are applets of this very binary, found at their place in PATH, run inside the
// shell's process; everything else is started. What runs inside must not show it: see inside.
// umask, kill, exec and traps of signals, which the interpreter has not, are added here.
//
// It has no job control, no descriptors above 2 and no line editing, and $! is no number.
package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// Shell is one shell process.
type Shell struct {
	Applets map[string]applet.Applet
	Environ []string
	Umask   int // the process's

	runner *interp.Runner
	self   os.FileInfo // this executable; nil where /proc is not mounted: then nothing runs inside
	traps  traps
	jobs   jobs
	only   string // the program that is all of sh -c's command, or ""
}

// Main runs the shell with its arguments (without the name) and returns its exit status.
func (s *Shell) Main(args []string) int {
	inv, err := parseArgs(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "sh: %v\n", err)
		return 2
	}
	if s.self, err = os.Stat(applet.Self); err != nil {
		s.self = nil
	}
	if s.runner, err = s.newRunner(inv); err != nil {
		fmt.Fprintf(os.Stderr, "sh: %v\n", err)
		return 2
	}
	return s.run(inv)
}

func (s *Shell) newRunner(inv *invocation) (*interp.Runner, error) {
	return interp.New(
		interp.Env(environ(s.Environ)),
		interp.StdIO(os.Stdin, os.Stdout, os.Stderr),
		interp.Params(append(inv.options, append([]string{"--"}, inv.params...)...)...),
		interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
		interp.OpenHandler(s.open),
	)
}

func (s *Shell) run(inv *invocation) int {
	ctx := context.Background()
	var source io.Reader
	switch {
	case inv.command != nil:
		source = strings.NewReader(*inv.command)
		s.only = onlyProgram(*inv.command)
	case inv.script == "" && (inv.interactive || term.IsTerminal(0)):
		return s.interact(ctx)
	case inv.script == "":
		source = os.Stdin
	default:
		text, err := readScript(inv.script)
		if err != nil {
			fmt.Fprintf(os.Stderr, "sh: %s\n", applet.Message(err))
			if errors.Is(err, os.ErrNotExist) {
				return applet.StatusNotFound
			}
			return applet.StatusNotExecutable
		}
		source = bytes.NewReader(text)
	}
	return s.runAll(ctx, source, inv.name)
}

// runAll runs a whole script. What stands before a syntax error is run, as by shells that
// parse as they go.
func (s *Shell) runAll(ctx context.Context, source io.Reader, name string) int {
	file := &syntax.File{Name: name}
	var syntaxErr error
	for stmt, err := range parser().StmtsSeq(source) {
		if err != nil {
			syntaxErr = err
			break
		}
		file.Stmts = append(file.Stmts, stmt)
	}
	rewrite(file)
	err := s.runner.Run(ctx, file)
	if syntaxErr != nil && !s.runner.Exited() {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, syntaxErr)
		return 2
	}
	return s.status(err)
}

func (s *Shell) interact(ctx context.Context) int {
	prompt := "$ "
	if os.Geteuid() == 0 {
		prompt = "# "
	}
	fmt.Fprint(os.Stderr, prompt)
	status := 0
	p := parser()
	for stmts, err := range p.InteractiveSeq(os.Stdin) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "sh: %v\n", err)
			status = 2
			continue
		}
		if p.Incomplete() {
			fmt.Fprint(os.Stderr, "> ")
			continue
		}
		rewrite(&syntax.File{Stmts: stmts})
		for _, stmt := range stmts {
			status = s.status(s.runner.Run(ctx, stmt))
			if s.runner.Exited() {
				return status
			}
		}
		fmt.Fprint(os.Stderr, prompt)
	}
	return status
}

// onlyProgram is the program that a command is nothing but a call of, or "".
func onlyProgram(command string) string {
	file, err := parser().Parse(strings.NewReader(command), "")
	if err != nil || len(file.Stmts) != 1 || file.Stmts[0].Background || file.Stmts[0].Negated {
		return ""
	}
	if call, ok := file.Stmts[0].Cmd.(*syntax.CallExpr); ok && len(call.Args) > 0 && !fed(file) {
		return call.Args[0].Lit()
	}
	return ""
}

// fed tells whether the shell must live on to write what a command reads: the interpreter feeds here-documents and
// process substitutions through pipes.
func fed(file *syntax.File) bool {
	found := false
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Redirect:
			found = found || n.Op == syntax.Hdoc || n.Op == syntax.DashHdoc || n.Op == syntax.WordHdoc
		case *syntax.ProcSubst:
			found = true
		}
		return !found
	})
	return found
}

func parser() *syntax.Parser {
	return syntax.NewParser(syntax.Variant(syntax.LangBash))
}

// status turns the end of a run into the shell's exit status.
func (s *Shell) status(err error) int {
	var exit interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	}
	fmt.Fprintf(os.Stderr, "sh: %s\n", applet.Message(err))
	return 1
}

// readScript finds a script as a shell does: in the current folder, then in PATH.
func readScript(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		if !strings.Contains(name, "/") {
			for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
				if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
					return text, nil
				}
			}
		}
		return nil, applet.At(name, err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.IndexByte(line, 0) >= 0 {
		return nil, fmt.Errorf("%s: is a binary file, not a script", name)
	}
	return text, nil
}

// Builtin runs one of the shell's builtins as a program of its own: /bin/printf.
func (s *Shell) Builtin(name string, args []string) int {
	return s.Main(append([]string{"-c", name + ` "$@"`, name}, args...))
}
