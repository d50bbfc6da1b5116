// Package applet is what the small programs of toybox stand on: one call of one of them, with
// its own standard streams, folder and environment.
//
// An applet never touches the process itself (os.Stdin, os.Getwd, os.Exit, the environment), so
// that the shell can run several of them side by side, in its own process, as if each were a
// process of its own. It reaches files through Call.Path, prints through Call.Stdout, and says
// how it went by the error that it returns.
//
// The package parses options and runs programs for applets; it holds no applet.
package applet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// Func is an applet's work. A nil error is status 0, an Exit its own number, a *UsageError
// prints how to use it, any other error is printed and is status 1 (Applet.Trouble, if set).
type Func func(*Call) error

// Applet is a program of the multi-call binary.
type Applet struct {
	Run     Func
	Usage   string // what follows the name in the usage line
	Trouble int    // status of errors where it is not 1 (grep, test, sort …: 2)

	// Alone says that the applet needs a process of its own, because it changes or replaces it
	// (Call.Become): the shell starts one. It is the one exception to what the package says.
	Alone bool
}

// Call is one run of an applet.
type Call struct {
	Name    string
	Args    []string // without the name
	Dir     string   // the folder that relative paths start from; "" is the process's own
	Umask   int
	Environ []string // NAME=VALUE

	Stdin  io.Reader
	Stdout *bufio.Writer // written out when the applet ends, or by Run
	Out    io.Writer     // standard output without the buffer
	Stderr io.Writer

	child  io.Writer // standard output as a child process gets it
	failed bool
}

// Exit is an error that prints nothing and is the applet's exit status.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// UsageError is a call that the applet cannot make sense of.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

// Usagef makes a *UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// Run runs an applet to its end and returns its exit status. The caller fills in the call
// except for Stdout and Out, which are made from out.
func Run(a Applet, c *Call, out io.Writer) (status int) {
	c.child, c.Out = out, sink{out}
	c.Stdout = bufio.NewWriter(c.Out)
	defer func() {
		if p := recover(); p == errBrokenPipe {
			status = 128 + int(syscall.SIGPIPE)
		} else if p != nil {
			panic(p)
		}
	}()
	err := a.Run(c)
	if flushErr := c.Stdout.Flush(); flushErr != nil && err == nil {
		err = At("write error", flushErr)
	}
	return c.report(a, err)
}

func (c *Call) report(a Applet, err error) int {
	var exit Exit
	var usage *UsageError
	trouble := max(a.Trouble, 1)
	switch {
	case err == nil && c.failed:
		return trouble
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		if usage.Reason != "" {
			fmt.Fprintf(c.Stderr, "%s: %s\n", c.Name, usage.Reason)
		}
		fmt.Fprintf(c.Stderr, "usage: %s\n", strings.TrimSpace(c.Name+" "+a.Usage))
		return trouble
	}
	c.Warn(err)
	return trouble
}

// Warn prints an error that does not end the applet but makes it fail in the end.
func (c *Call) Warn(err error) {
	c.failed = true
	fmt.Fprintf(c.Stderr, "%s: %s\n", c.Name, Message(err))
}

// Fail makes the applet's status a failure without a message.
func (c *Call) Fail() { c.failed = true }

// Failed reports whether Warn or Fail was called.
func (c *Call) Failed() bool { return c.failed }

// errBrokenPipe unwinds an applet whose reader has gone, as SIGPIPE would end a process.
var errBrokenPipe = errors.New("broken pipe")

// sink is the standard output: a write that nobody reads ends the applet at once.
type sink struct{ w io.Writer }

func (s sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		panic(errBrokenPipe)
	}
	return n, err
}

// At names what an error is about, in the user's own words, in place of the path and the
// system call that the os package put there: "x: No such file or directory".
func At(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, cause(err))
}

// cause strips what the os package wraps around an errno.
func cause(err error) error {
	var path *os.PathError
	var link *os.LinkError
	var call *os.SyscallError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	case errors.As(err, &call):
		return call.Err
	}
	return err
}

// Message is an error's text with errno's part written as the C library writes it ("No such
// file or directory"), because scripts look for that.
func Message(err error) string {
	text := err.Error()
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return text
	}
	reason := errno.Error()
	if head, found := strings.CutSuffix(text, reason); found && reason != "" {
		return head + strings.ToUpper(reason[:1]) + reason[1:]
	}
	return text
}
