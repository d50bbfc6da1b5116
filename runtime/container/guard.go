package container

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// The first argument of the processes of a chroot.
const (
	guardRole  = "guard"
	launchRole = "launch"
)

// guard is the guard's main function.
func guard() {
	unix.CloseOnExec(sideFd)
	side := os.NewFile(sideFd, "side channel")
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE, unix.SIGTTOU, unix.SIGTTIN)
	in := bufio.NewReader(side)
	line, err := in.ReadBytes('\n')
	if err != nil {
		os.Exit(255)
	}
	var order launch
	if err = json.Unmarshal(line, &order); err == nil {
		err = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	var out outcome
	if err == nil {
		out, err = watch(line, in)
	}
	if err != nil {
		out.Failed = err.Error()
	}
	_ = json.NewEncoder(side).Encode(out)
	os.Exit(0)
}

// watch starts the launcher and waits until the program and all that it has started are gone.
func watch(order []byte, commands io.Reader) (outcome, error) {
	pid, said, err := startLauncher(order)
	if err != nil {
		return outcome{}, err
	}
	kill := sync.OnceFunc(func() {
		go func() {
			for {
				killAll()
				time.Sleep(10 * time.Millisecond)
			}
		}()
	})
	go obey(commands, pid, kill)
	failed, _ := io.ReadAll(said) // its end is the exec
	out := outcome{Failed: string(failed)}
	ours := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	for _, f := range ours {
		f.Close() // who reads the output must see its end
	}
	for {
		var status unix.WaitStatus
		ended, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case errors.Is(err, unix.ECHILD):
			return out, nil
		case err != nil:
			return out, fmt.Errorf("wait for the program: %w", err)
		case ended == pid:
			out.Status = syscall.WaitStatus(status)
			kill()
		}
	}
}

// obey does what the runner asks for.
func obey(commands io.Reader, pid int, kill func()) {
	b := make([]byte, 1)
	for {
		if _, err := commands.Read(b); err != nil || b[0] == killByte || !handles(pid, unix.SIGTERM) {
			kill()
			return
		}
		_ = unix.Kill(pid, unix.SIGTERM)
	}
}

// handles says whether a process has a handler for a signal.
func handles(pid int, s unix.Signal) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(status), "\nSigCgt:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	caught, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && caught&(1<<(s-1)) != 0
}

// startLauncher starts the launcher, and gives what it says when it fails.
func startLauncher(order []byte) (pid int, said *os.File, err error) {
	config, write, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	said, saying, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	defer config.Close()
	defer saying.Close()
	p, err := syscall.ForkExec("/proc/self/exe", []string{"shbuild-launcher", launchRole}, &syscall.ProcAttr{
		Env: []string{"PATH=/"}, Dir: "/", Files: []uintptr{0, 1, 2, config.Fd(), saying.Fd()},
	})
	if err != nil {
		return 0, nil, fmt.Errorf("start the launcher: %w", err)
	}
	go func() {
		_, _ = write.Write(order)
		write.Close()
	}()
	return p, said, nil
}

// killAll kills every process below this one. As orphans come to this one, and it is asked for again until there are
// none, what starts others fast enough to get away once does not twice.
func killAll() {
	for _, pid := range userns.Descendants(os.Getpid()) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}
