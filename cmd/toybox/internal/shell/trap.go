package shell

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// traps are the actions for signals. A signal is noted when it comes and its action run before
// the next command of the shell proper, that is, after the command that it interrupted.
type traps struct {
	mu      sync.Mutex
	actions map[syscall.Signal]string
	come    []syscall.Signal
	total   int           // that have ever come
	arrived chan struct{} // closed when there is one in come
	inbox   chan os.Signal
}

// trap is the builtin. EXIT and ERR are the interpreter's own.
func (s *Shell) trap(ctx context.Context, hc interp.HandlerContext, args []string) error {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		s.traps.print(hc)
		return hc.Builtin(ctx, []string{"trap"})
	}
	action := "-"
	if len(args) > 1 {
		action, args = args[0], args[1:]
	}
	for _, name := range args {
		sig, internal := signalNamed(name)
		switch {
		case internal == "EXIT" && action != "-" && !s.topLevel(hc):
			fmt.Fprintln(hc.Stderr, "trap: EXIT: a subshell cannot trap its end")
			return interp.ExitStatus(1)
		case internal != "":
			if err := hc.Builtin(ctx, []string{"trap", action, internal}); err != nil {
				return err
			}
		case sig == 0 || sig == syscall.SIGKILL || sig == syscall.SIGSTOP:
			fmt.Fprintf(hc.Stderr, "trap: %s: not a signal that can be trapped\n", name)
			return interp.ExitStatus(1)
		case !s.topLevel(hc):
			fmt.Fprintf(hc.Stderr, "trap: %s: a subshell cannot trap signals\n", name)
			return interp.ExitStatus(1)
		default:
			s.traps.set(sig, action)
		}
	}
	return nil
}

// signalNamed takes TERM, SIGTERM, sigterm, 15. internal is EXIT or ERR, which are no signals.
func signalNamed(name string) (sig syscall.Signal, internal string) {
	name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
	switch name {
	case "0", "EXIT":
		return 0, "EXIT"
	case "ERR":
		return 0, "ERR"
	}
	if n, err := strconv.Atoi(name); err == nil && unix.SignalName(syscall.Signal(n)) != "" {
		return syscall.Signal(n), ""
	}
	return unix.SignalNum("SIG" + name), ""
}

func (t *traps) set(sig syscall.Signal, action string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.actions == nil {
		t.actions = map[syscall.Signal]string{}
		t.inbox = make(chan os.Signal, 16)
		go t.listen()
	}
	delete(t.actions, sig)
	switch action {
	case "-":
		signal.Reset(sig)
	case "":
		signal.Ignore(sig)
	default:
		t.actions[sig] = action
		signal.Notify(t.inbox, sig)
	}
}

func (t *traps) listen() {
	for sig := range t.inbox {
		t.mu.Lock()
		t.come = append(t.come, sig.(syscall.Signal))
		t.total++
		if t.arrived != nil {
			close(t.arrived)
			t.arrived = nil
		}
		t.mu.Unlock()
	}
}

func (t *traps) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// arrival is closed as soon as a signal has come whose action did not run yet.
func (t *traps) arrival() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	ch := make(chan struct{})
	switch {
	case len(t.come) > 0:
		close(ch)
	case t.arrived != nil:
		return t.arrived
	default:
		t.arrived = ch
	}
	return ch
}

// first is the signal whose action is the next to run.
func (t *traps) first() syscall.Signal {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.come) == 0 {
		return 0
	}
	return t.come[0]
}

// settle waits a moment for a signal that the shell has sent to itself: other shells have it by
// the time that kill ends. One without an action never comes here.
func (t *traps) settle(before int) {
	for range 50 {
		t.mu.Lock()
		done := t.total > before || len(t.actions) == 0
		t.mu.Unlock()
		if done {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// before puts the actions of the signals that have come before a command.
func (t *traps) before(args []string) ([]string, error) {
	actions := t.due()
	if actions == "" {
		return args, nil
	}
	var line strings.Builder
	line.WriteString(actions)
	for _, arg := range args {
		quoted, err := syntax.Quote(strings.TrimPrefix(arg, private), syntax.LangBash)
		if err != nil {
			return nil, err
		}
		line.WriteString(quoted + " ")
	}
	return []string{"eval", line.String()}, nil
}

// due takes the actions that are to be run now, a line for each.
func (t *traps) due() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines strings.Builder
	for _, sig := range t.come {
		if action := t.actions[sig]; action != "" {
			lines.WriteString(action + "\n")
		}
	}
	t.come = nil
	return lines.String()
}

func (t *traps) print(hc interp.HandlerContext) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for sig, action := range t.actions {
		lines = append(lines, fmt.Sprintf("trap -- %q %s\n", action, strings.TrimPrefix(unix.SignalName(sig), "SIG")))
	}
	slices.Sort(lines)
	fmt.Fprint(hc.Stdout, strings.Join(lines, ""))
}
