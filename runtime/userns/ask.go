package userns

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// The outer process stays where it was started, in the same cgroup too, and out of the inner one's reach: that sees no
// number of it. What only it can do, it does when the inner one asks for it, over a socket of their own.

// askFd is the inner process's end of the socket.
const askFd = 4

// ErrNoOuter is the error for a process that Enter has not started.
var ErrNoOuter = errors.New("there is no outer process")

// asking is the socket, for as long as this process lives.
var asking = sync.OnceValue(func() *os.File { return os.NewFile(askFd, "socket to the outer process") })

// JoinCgroup has the outer process join the cgroup of a folder of version 2.
func JoinCgroup(dir string) error {
	if !inside {
		return ErrNoOuter
	}
	socket := asking()
	if _, err := socket.WriteString(dir + "\n"); err != nil {
		return fmt.Errorf("ask the outer process: %w", err)
	}
	answer, err := bufio.NewReader(socket).ReadString('\n')
	if err != nil {
		return fmt.Errorf("ask the outer process: %w", err)
	}
	if answer = strings.TrimSpace(answer); answer != "" {
		return errors.New(answer)
	}
	return nil
}

// newAsk makes the socket.
func newAsk() (ours, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	return os.NewFile(uintptr(pair[0]), "ask"), os.NewFile(uintptr(pair[1]), "ask"), nil
}

// serve is the outer process's part: it answers until the inner one ends.
func serve(ask *os.File) {
	defer ask.Close()
	for requests := bufio.NewScanner(ask); requests.Scan(); {
		err := joinCgroup(requests.Text())
		answer := ""
		if err != nil {
			answer = err.Error()
		}
		if _, err := fmt.Fprintln(ask, answer); err != nil {
			return
		}
	}
}

// joinCgroup makes the calling process a member of a cgroup. A file of this name in any other place would take no
// harm.
func joinCgroup(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("0")
	return errors.Join(err, f.Close())
}
