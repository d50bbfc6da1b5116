package applet

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Signal takes TERM, SIGTERM, sigterm and 15; 0 asks only whether a process is there.
func Signal(text string) (syscall.Signal, error) {
	if n, err := strconv.ParseUint(text, 10, 7); err == nil && n <= 64 {
		return syscall.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig, nil
	}
	return 0, Usagef("'%s' is not a signal", text)
}

// KillSignal reads kill's options: the signal, and how many of the arguments they are. A list
// of signals (-l) is -1.
func KillSignal(args []string) (sig syscall.Signal, options int, err error) {
	sig = syscall.SIGTERM
	switch {
	case len(args) > 0 && (args[0] == "-l" || args[0] == "-L"):
		return 0, -1, nil
	case len(args) > 1 && (args[0] == "-s" || args[0] == "-n"):
		sig, err = Signal(args[1])
		options = 2
	case len(args) > 0 && args[0] != "--" && len(args[0]) > 1 && args[0][0] == '-':
		sig, err = Signal(args[0][1:])
		options = 1
	}
	if len(args) > options && args[options] == "--" {
		options++
	}
	return sig, options, err
}
