package shell

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// become replaces the process by a program that has these files as its standard ones. It
// returns only with an error, and then the process is not what it was.
func become(fds []int, dir string, umask int, file string, args, environ []string) error {
	// The copies stand above any standard descriptor, so that none is lost where two change
	// places.
	for i, fd := range fds {
		high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 10)
		if err != nil {
			return err
		}
		fds[i] = high
	}
	for i, fd := range fds {
		if err := unix.Dup3(fd, i, 0); err != nil {
			return err
		}
		if err := unix.SetNonblock(i, false); err != nil {
			return err
		}
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	syscall.Umask(umask)
	return execve(file, args, environ)
}

func execve(file string, args, environ []string) error {
	err := syscall.Exec(file, args, environ)
	if errors.Is(err, syscall.ENOEXEC) {
		err = syscall.Exec(applet.Self, append([]string{"sh", file}, args[1:]...), environ)
	}
	return err
}

// WithUmask is the name by which this executable is started to set its umask and become
// another program: WithUmask MASK FILE ARG0 [ARG…].
const WithUmask = "toybox-umask"

// BecomeWithUmask is that program.
func BecomeWithUmask(args, environ []string) int {
	if len(args) < 3 {
		fmt.Fprintf(os.Stderr, "usage: %s MASK FILE NAME [ARG…]\n", WithUmask)
		return 2
	}
	mask, err := strconv.ParseUint(args[0], 8, 32)
	if err == nil {
		syscall.Umask(int(mask))
		err = execve(args[1], args[2:], environ)
	}
	fmt.Fprintf(os.Stderr, "sh: %s\n", applet.Message(applet.At(args[2], err)))
	return applet.StatusNotExecutable
}
