package system

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func kill(c *applet.Call) error {
	sig, args := syscall.SIGTERM, c.Args
	var err error
	switch {
	case len(args) > 0 && (args[0] == "-l" || args[0] == "-L"):
		return listSignals(c, args[1:])
	case len(args) > 1 && (args[0] == "-s" || args[0] == "-n"):
		sig, err = signalNamed(args[1])
		args = args[2:]
	case len(args) > 0 && args[0] != "--" && len(args[0]) > 1 && args[0][0] == '-':
		sig, err = signalNamed(args[0][1:])
		args = args[1:]
	}
	if err != nil {
		return err
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return applet.Usagef("no process given")
	}
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		if err != nil {
			c.Warn(fmt.Errorf("'%s' is not a process id", arg))
			continue
		}
		if err := syscall.Kill(pid, sig); err != nil {
			c.Warn(fmt.Errorf("(%d): %w", pid, err))
		}
	}
	return nil
}

// signalNamed takes TERM, SIGTERM, sigterm and 15; 0 asks only whether the process is there.
func signalNamed(text string) (syscall.Signal, error) {
	if n, err := strconv.ParseUint(text, 10, 7); err == nil && n <= 64 {
		return syscall.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig, nil
	}
	return 0, applet.Usagef("'%s' is not a signal", text)
}

// listSignals prints all names, or turns numbers (also those of a shell's $?) into names and
// names into numbers.
func listSignals(c *applet.Call, args []string) error {
	for _, arg := range args {
		sig, err := signalNamed(arg)
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
