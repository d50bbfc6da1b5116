package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/build"
)

// streams are the standard streams.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// color says whether errors may be painted.
func (s streams) color() bool {
	return isTerminal(s.err) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Exit statuses of our own; a RUN that fails gives its own where it is 1 to
// 125.
const (
	statusFailed      = 1
	statusUsage       = 2
	statusInterrupted = 130
)

const usage = `shbuild builds container images, without a daemon and without root.

usage:
  shbuild [flags] FILE [ARG…]          build a Dockerfile, or a script with instructions in it
  shbuild build [flags] CONTEXT [ARG…] the same in docker's spelling: CONTEXT/Dockerfile, or -f
  shbuild debug [flags] FILE [ARG…]    build; a RUN that fails is shown with a shell in its container
  shbuild --step FILE                  build; stop before each instruction and show what it changes
  shbuild explain [flags] FILE         say what each line will do, without building or fetching
  shbuild fmt [flags] [FILE…]          give files their tidy form
  shbuild pull [flags] NAME…           fetch images into the store
  shbuild push [flags] NAME…           send images of the store to their registries
  shbuild ls [flags]                   list the images in the store
  shbuild diff [flags] [BEFORE] AFTER  what makes one image of another, or of its base: files, configuration
  shbuild history [flags] IMAGE        what an image was made by, and its layers' sizes
  shbuild doctor [flags]               what this place gives to builds, and what would give more
  shbuild version

"shbuild COMMAND --help" tells a command's flags.

exit status: 0 built; 1 failed; 2 wrong usage; 130 interrupted; the status of
the RUN that failed where it is 1 to 125.

example:
  $ cat Dockerfile
  FROM builtin:toybox
  RUN echo hello > /hello
  $ shbuild -t hello Dockerfile
`

// run is the program: it takes the arguments behind the program's name and
// returns the exit status.
func run(args []string, std streams) int {
	if len(args) == 0 {
		fmt.Fprint(std.err, usage)
		return statusUsage
	}
	switch args[0] {
	case "build":
		return buildDocker(args[1:], std)
	case "debug":
		return buildDebug(args[1:], std)
	case "pull":
		return pull(args[1:], std)
	case "push":
		return push(args[1:], std)
	case "ls":
		return list(args[1:], std)
	case "explain":
		return explainFile(args[1:], std)
	case "doctor":
		return examine(args[1:], std)
	case "fmt":
		return format(args[1:], std)
	case "diff":
		return diffImages(args[1:], std)
	case "history":
		return history(args[1:], std)
	case "version", "--version":
		fmt.Fprintf(std.out, "shbuild %s\n", version)
		return 0
	case "help", "--help", "-h":
		fmt.Fprint(std.out, usage)
		return 0
	}
	return buildFile(args, std)
}

// badUsage answers flags and arguments that make no sense.
func badUsage(std streams, err error) int {
	diag.Print(std.err, err, std.color())
	if diag.HintOf(err) == "" {
		fmt.Fprintln(std.err, "hint: shbuild --help")
	}
	return statusUsage
}

// parse reads a command's flags; done says that the command has nothing more
// to do, with a status.
func parse(fs *pflag.FlagSet, args []string, std streams, synopsis string) (status int, done bool) {
	return parseAs("shbuild", fs, args, std, synopsis)
}

// parseAs is parse for a program of another name.
func parseAs(program string, fs *pflag.FlagSet, args []string, std streams, synopsis string) (status int, done bool) {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := fs.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprintf(std.out, "usage: %s %s\n\n%s", program, synopsis, fs.FlagUsages())
		return 0, true
	case err != nil:
		return badUsage(std, err), true
	}
	return 0, false
}

// failed prints an error and returns the exit status for it.
func failed(ctx context.Context, std streams, err error) int {
	if ctx.Err() != nil {
		fmt.Fprintln(std.err, "shbuild: interrupted")
		return statusInterrupted
	}
	var exit *build.ExitError
	if errors.As(err, &exit) && exit.Ran != "" && !exit.Shown {
		fmt.Fprintln(std.err, "------ the container ran: "+firstLine(exit.Ran))
	}
	if exit != nil && len(exit.Tail) > 0 && !exit.Shown {
		fmt.Fprintln(std.err, "------ the last lines that it wrote:")
		for _, line := range exit.Tail {
			fmt.Fprintln(std.err, line)
		}
		fmt.Fprintln(std.err, "------")
	}
	diag.Print(std.err, err, std.color())
	var status interface{ ExitStatus() int }
	if errors.As(err, &status) && status.ExitStatus() >= 1 && status.ExitStatus() <= 125 {
		return status.ExitStatus()
	}
	return statusFailed
}

// firstLine keeps a long command to a line.
func firstLine(text string) string {
	line, rest, _ := strings.Cut(text, "\n")
	if r := []rune(line); len(r) > 200 {
		return string(r[:199]) + "…"
	}
	if rest != "" {
		return line + " …"
	}
	return line
}
