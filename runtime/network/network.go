// Package network makes a network for a build's containers, apart from the host's: a network namespace, and a program
// that passes on what is sent there (pasta or slirp4netns), as whoever builds. The world can be reached from it, and
// this machine by its own addresses, but not the machine's loopback, where services listen that are for its users alone.
//
// It has to be made inside the user namespace of package userns, or by root.
//
// Invariants: the program ends with Close, and with this process: it is in the same PID namespace, or else among the
// processes that package userns ends. No file is made.
//
// It opens no way from outside into the network.
package network

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Network is a network. Close must be called.
type Network struct {
	namespace *os.File
	addresses addresses
	program   *exec.Cmd
	leash     *os.File // slirp4netns ends when it is closed
	ended     chan struct{}
	said      lastWords
}

// patience is how long the program may take to begin.
const patience = 30 * time.Second

// New makes a network and waits until it can be used. An *Error says what is missing on this machine.
func New(ctx context.Context) (*Network, error) {
	h, err := find()
	if err != nil {
		return nil, err
	}
	n := &Network{addresses: choose(), ended: make(chan struct{})}
	if n.namespace, err = newNamespace(); err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	if err := n.start(ctx, h); err != nil {
		_ = n.Close()
		return nil, &Error{fmt.Errorf("%s: %w%s", h.path, err, n.said.String()), "without it: --network host"}
	}
	return n, nil
}

// start starts the program, and waits until it says that the network is there.
func (n *Network) start(ctx context.Context, h helper) error {
	ready, readyEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	defer readyEnd.Close()
	leashEnd, leash, err := os.Pipe()
	if err != nil {
		return err
	}
	defer leashEnd.Close()
	n.leash = leash
	n.program = exec.Command(h.path)
	h.command(n.program, n.addresses, n.namespace, readyEnd, leashEnd)
	n.program.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	n.program.Stderr = &n.said
	n.program.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // a ^C of the terminal's is for the build
	if err := n.program.Start(); err != nil {
		n.program = nil
		return err
	}
	go func() {
		_ = n.program.Wait()
		close(n.ended)
	}()
	told := make(chan bool, 1)
	go func() {
		got, _ := ready.Read(make([]byte, 16))
		told <- got > 0
	}()
	select {
	case <-told:
		return nil
	case <-n.ended:
		return fmt.Errorf("it has ended (%v)", n.program.ProcessState)
	case <-time.After(patience):
		return fmt.Errorf("the network is not there after %v", patience)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Start starts a process in the network.
func (n *Network) Start(cmd *exec.Cmd) error {
	return inThread(func() error {
		if err := unix.Setns(int(n.namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter the network: %w", err)
		}
		return cmd.Start()
	})
}

// NameServer is where the host's name server answers, wherever that is.
func (n *Network) NameServer() netip.Addr { return n.addresses.names }

// Close ends the network, whose processes must have ended.
func (n *Network) Close() error {
	n.namespace.Close()
	if n.leash != nil {
		n.leash.Close()
	}
	if n.program != nil {
		_ = n.program.Process.Kill()
		<-n.ended
	}
	return nil
}

// newNamespace makes a network namespace. Nothing is in it but a lo, which the program brings up.
func newNamespace() (f *os.File, err error) {
	err = inThread(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			f, err = os.Open("/proc/thread-self/ns/net")
		}
		return err
	})
	return f, err
}

// inThread calls f in a thread that ends with it, and whose namespace it may change: there is no way back to the host's
// from a user namespace. It is never the process's first thread, which stands for the process in /proc.
func inThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			err := inThread(f) // while this thread waits, it is another one
			runtime.UnlockOSThread()
			done <- err
			return
		}
		done <- f() // the thread stays locked, and ends with the goroutine
	}()
	return <-done
}

// lastWords keeps the end of what the program says.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (l *lastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	l.text = l.text[max(0, len(l.text)-1000):]
	return len(b), nil
}

// String is what it said, but for pasta's complaint, with every line, that there is no log.
func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for line := range bytes.Lines(l.text) {
		if text := strings.TrimSpace(string(line)); text != "" && !strings.HasPrefix(text, "Failed to send") {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return ": " + strings.Join(out, "; ")
}
