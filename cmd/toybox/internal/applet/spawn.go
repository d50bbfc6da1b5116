package applet

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// The statuses of a shell for a program that it cannot start.
const (
	StatusNotExecutable = 126
	StatusNotFound      = 127
)

// DefaultPath is searched where the environment has no PATH.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// LookPath finds a program as execvp does, from the folder dir. Its errors are ENOENT, or what
// stands in the way of the file that is there (EACCES, EISDIR). A name with a slash stays as it
// is, good for a process that starts in dir: it is the $0 of a script.
func LookPath(dir, path, name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(under(dir, name))
	}
	found := error(syscall.ENOENT)
	for elem := range strings.SplitSeq(path, ":") {
		file := under(dir, elem+"/"+name)
		if elem == "" {
			file = under(dir, "./"+name)
		}
		err := executable(file)
		if err == nil {
			return file, nil
		}
		if errors.Is(err, syscall.EACCES) {
			found = err
		}
	}
	return "", found
}

func under(dir, name string) string {
	if dir == "" || name[0] == '/' {
		return name
	}
	return dir + "/" + name
}

func executable(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return cause(err)
	case info.IsDir():
		return syscall.EISDIR
	case info.Mode()&0o111 == 0:
		return syscall.EACCES
	}
	return nil
}

// Start starts a prepared command. A file that was written a moment ago may still be open in a
// child that another goroutine is just starting (go.dev/issue/22315): ETXTBSY is waited out.
// A file without "#!" that the kernel does not know is run by sh, as shells do; self is the
// path of this executable.
func Start(make func() *exec.Cmd, self string) (*exec.Cmd, error) {
	cmd := make()
	err := cmd.Start()
	for delay := time.Millisecond; errors.Is(err, syscall.ETXTBSY) && delay < time.Second; delay *= 2 {
		time.Sleep(delay)
		cmd = make()
		err = cmd.Start()
	}
	if errors.Is(err, syscall.ENOEXEC) {
		cmd = make()
		cmd.Args = append([]string{"sh", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = self
		err = cmd.Start()
	}
	return cmd, err
}

// Self is this executable, for as long as it runs.
const Self = "/proc/self/exe"

// Status is the exit status that a shell gives to the end of a command: 128 and the signal's
// number if a signal ended it.
func Status(cmd *exec.Cmd, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, err
	}
	ws, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return ws.ExitStatus(), nil
}

// Spawn runs a program with the call's streams and waits for it. An error is one of starting;
// it goes with 126 or 127.
func (c *Call) Spawn(argv, environ []string, stdin io.Reader) (int, error) {
	cmd, status, err := c.StartChild(argv, environ, stdin, nil)
	if err != nil {
		return status, err
	}
	return Status(cmd, cmd.Wait())
}

// StartChild is Spawn without the waiting. attr may be nil.
func (c *Call) StartChild(argv, environ []string, stdin io.Reader, attr *syscall.SysProcAttr) (*exec.Cmd, int, error) {
	c.Stdout.Flush()
	path, err := LookPath(c.Dir, searchPath(environ), argv[0])
	var cmd *exec.Cmd
	if err == nil {
		cmd, err = Start(func() *exec.Cmd {
			return &exec.Cmd{Path: path, Args: argv, Env: environ, Dir: c.Dir,
				Stdin: stdin, Stdout: c.child, Stderr: c.Stderr, SysProcAttr: attr}
		}, Self)
	}
	if err != nil {
		status, err := notStarted(argv[0], err)
		return nil, status, err
	}
	return cmd, 0, nil
}

// Become replaces the process by another program. It is for applets that are Alone, and returns
// only if there is no such program: 126 or 127 go with the error.
func (c *Call) Become(argv, environ []string) (int, error) {
	c.Stdout.Flush()
	path, err := LookPath(c.Dir, searchPath(environ), argv[0])
	if err == nil {
		err = syscall.Exec(path, argv, environ)
	}
	if errors.Is(err, syscall.ENOEXEC) {
		err = syscall.Exec(Self, append([]string{"sh", path}, argv[1:]...), environ)
	}
	return notStarted(argv[0], err)
}

func notStarted(name string, err error) (int, error) {
	status := StatusNotExecutable
	if errors.Is(err, syscall.ENOENT) {
		status = StatusNotFound
	}
	return status, At(fmt.Sprintf("cannot run '%s'", name), err)
}

func searchPath(environ []string) string {
	for _, kv := range environ {
		if value, found := strings.CutPrefix(kv, "PATH="); found {
			return value
		}
	}
	return DefaultPath
}
