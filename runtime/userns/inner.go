package userns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lineFd is the inner process's end of the line to the outer one.
const lineFd = 3

// ownProc says whether /proc is that of the PID namespace: set once, by setUp.
var ownProc bool

// Word is what Options.Word was in the outer process.
func Word() string { return word }

// OwnProc says whether there is a PID namespace with a /proc of its own. Where the place that this runs in hides parts
// of its /proc (containers do) the kernel gives no other; then the PID namespace is the outer process's too, since the
// numbers of processes in /proc have to be those of their namespace.
func OwnProc() bool { return !inside || ownProc }

// tried is the inner process's part in [Try]: it sets itself up, says how that went, and ends.
func tried() {
	unix.CloseOnExec(lineFd)
	line := os.NewFile(lineFd, "line")
	switch err := setUp(line); {
	case err != nil:
		_, _ = line.WriteString(err.Error())
	case !ownProc:
		_, _ = line.WriteString(outerProc)
	}
	os.Exit(0)
}

// outerProc is what the inner process answers where there is no own /proc.
const outerProc = "outer /proc"

// runInside is the inner process's part. It is on the process's first thread (see the hook).
func runInside(f func() int) (int, error) {
	_ = os.Unsetenv(marker)
	unix.CloseOnExec(lineFd)
	unix.CloseOnExec(askFd)
	line := os.NewFile(lineFd, "line")
	if err := setUp(line); err != nil {
		_, _ = line.WriteString(err.Error())
		os.Exit(1) // the outer process says why
	}
	switch {
	case kind == sharing || kind == bare:
		endWith(line)
	case !ownProc:
		_, _ = line.WriteString(outerProc)
		os.Exit(1) // the outer process starts another one
	default:
		line.Close()
	}

	done := make(chan int, 1)
	go func() {
		status := 1 // of an f that ends by runtime.Goexit
		defer func() { done <- status }()
		status = f()
	}()
	return reap(done), nil
}

// setUp takes the ids, arms the parent-death signal and makes the mounts that the new namespaces need. Its
// errors are for refused: "op|errno".
func setUp(line *os.File) error {
	if n, err := line.Read(make([]byte, 1)); n != 1 {
		if err == nil {
			err = unix.EPIPE
		}
		return failure("read the line", err)
	}
	if kind == sharing || kind == bare {
		if err := adoptOrphans(); err != nil {
			return failure("adopt orphans", err)
		}
	}
	if kind == bare {
		return nil
	}
	if err := becomeRoot(); err != nil {
		return err
	}
	if err := nameHost(); err != nil {
		return err
	}
	if kind == sharing {
		return separateMounts()
	}
	// The kernel forgets the signal whenever the credentials change, so it is armed after that, and then the
	// outer process must still be there. Its pid cannot tell: seen from here it is always 0.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return failure("arm the parent-death signal", err)
	}
	if hungUp() {
		return failure("look for the outer process", unix.ESRCH)
	}
	if err := separateMounts(); err != nil {
		return err
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	switch err := unix.Mount("proc", "/proc", "proc", flags, ""); err {
	case nil:
		ownProc = true
	case unix.EPERM: // parts of the one that is there are hidden, as in a container: that one stays
	default:
		return failure("mount /proc", err)
	}
	return nil
}

// nameHost sees whether the seccomp filter of a container lets RUN's containers have a host name: podman's lets namespaces
// be made, and their host not be named. It gives this thread a UTS namespace with the name that there is.
func nameHost() error {
	if StatusField("Seccomp") != "2" {
		return nil
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return failure("ask for the host name", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
		return failure("make a UTS namespace", err)
	}
	if err := unix.Sethostname([]byte(unix.ByteSliceToString(name.Nodename[:]))); err != nil {
		return failure("set the host name", err)
	}
	return nil
}

// separateMounts keeps what is mounted here from the host; what the host mounts or unmounts may come here.
func separateMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return failure("separate the mounts", err)
	}
	return nil
}

// becomeRoot makes all ids 0. The caller's id is 0 by the map already, so most often there is nothing to do, and
// it would cost a signal to every thread.
func becomeRoot() error {
	if r, e, s := unix.Getresgid(); r != 0 || e != 0 || s != 0 {
		if err := unix.Setresgid(0, 0, 0); err != nil {
			return failure("become group 0", err)
		}
	}
	if r, e, s := unix.Getresuid(); r != 0 || e != 0 || s != 0 {
		if err := unix.Setresuid(0, 0, 0); err != nil {
			return failure("become user 0", err)
		}
	}
	return nil
}

func failure(op string, err error) error {
	var errno unix.Errno
	errors.As(err, &errno)
	return fmt.Errorf("%s|%d", op, int(errno))
}

// hungUp says whether the outer process has ended.
func hungUp() bool {
	n, _, err := unix.Recvfrom(lineFd, make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n == 0 && err == nil
}
