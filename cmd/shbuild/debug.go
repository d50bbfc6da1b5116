package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/build"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

// buildDebug is shbuild debug [flags] FILE [ARG…]: shbuild --debug.
func buildDebug(args []string, std streams) int {
	return buildFileAs("debug", args, std, func(f *buildFlags) { f.debug = true })
}

// adviseDebug tells of --debug where a RUN has failed and nothing else is advised.
func adviseDebug(err error) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			adviseDebug(e)
		}
		return
	}
	if exit, ok := err.(*build.ExitError); ok {
		if exit.Advice == "" && !exit.Shown {
			exit.Advice = "with --debug the same command opens a shell in the failed container"
		}
		return
	}
	if next := errors.Unwrap(err); next != nil {
		adviseDebug(next)
	}
}

// debugger shows containers whose program has failed, one at a time.
type debugger struct {
	mu      sync.Mutex
	std     streams
	display *display
}

// broken opens a shell in the failed container, where there is a terminal for it.
func (d *debugger) broken(ctx context.Context, br *build.Broken) {
	d.mu.Lock()
	defer d.mu.Unlock()
	terminal, ok := d.std.terminal()
	if !ok {
		if br.Exit.Advice != "" {
			return
		}
		br.Exit.Advice = "--debug opens a shell in the failed container where standard input and error are a terminal, and here they are not: run the same command on one, without redirections"
		return
	}
	d.display.aside(func() {
		failed(ctx, d.std, br.Err)
		br.Exit.Shown = true
		fmt.Fprintf(d.std.err, "this failed: %s\n", quoted(br.Command))
		fmt.Fprintln(d.std.err, "a shell in its container, with the files as it left them; the build ends when the shell does")
		if err := br.Shell(ctx, terminal, os.Getenv("TERM")); err != nil && ctx.Err() == nil {
			diag.Print(d.std.err, err, d.std.color())
		}
	})
}

// terminal is the terminal that a shell can have; ok is false where there is none.
func (s streams) terminal() (*sandbox.Terminal, bool) {
	in, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) || !isTerminal(s.err) {
		return nil, false
	}
	return &sandbox.Terminal{In: in, Out: s.err}, true
}

// quoted is a command line that a shell would read so.
func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$`&|;<>()*?[]#~{}!") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}
