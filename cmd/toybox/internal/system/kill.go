package system

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func kill(c *applet.Call) error {
	if args := c.Args; len(args) > 0 && (args[0] == "-l" || args[0] == "-L") {
		return listSignals(c, args[1:])
	}
	sig, options, err := applet.KillSignal(c.Args)
	if err != nil {
		return err
	}
	if len(c.Args) == options {
		return applet.Usagef("no process given")
	}
	for _, arg := range c.Args[options:] {
		pid, err := strconv.Atoi(arg)
		if err != nil {
			c.Warn(fmt.Errorf("'%s' is not a process id", arg))
			continue
		}
		if err := send(pid, sig); err != nil {
			c.Warn(fmt.Errorf("(%d): %w", pid, err))
		}
	}
	return nil
}

// send sends a signal. One for this process, as by a shell's `kill $$`, goes to this very thread, which has it before
// the call returns: else another thread gets it some time, and until then the shell goes on.
func send(pid int, sig syscall.Signal) error {
	if pid != os.Getpid() {
		return syscall.Kill(pid, sig)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return unix.Tgkill(pid, unix.Gettid(), sig)
}

// listSignals prints all names, or turns numbers (also those of a shell's $?) into names and
// names into numbers.
func listSignals(c *applet.Call, args []string) error {
	for _, arg := range args {
		sig, err := applet.Signal(arg)
		if n, numErr := strconv.Atoi(arg); numErr == nil && n > 128 {
			sig, err = syscall.Signal(n-128), nil
		}
		switch {
		case err != nil:
			return err
		case strings.Trim(arg, "0123456789") != "":
			fmt.Fprintln(c.Stdout, int(sig))
		default:
			fmt.Fprintln(c.Stdout, strings.TrimPrefix(unix.SignalName(sig), "SIG"))
		}
	}
	if len(args) > 0 {
		return nil
	}
	for sig := syscall.Signal(1); sig < 32; sig++ {
		fmt.Fprintln(c.Stdout, strings.TrimPrefix(unix.SignalName(sig), "SIG"))
	}
	return nil
}
