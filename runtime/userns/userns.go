// Package userns brings the whole program into its own user, mount and PID namespace, in which it is root over
// the caller's sub-id ranges: it may chown, mount overlayfs and start containers there, and only there.
//
// Two processes of the same executable do it. The outer one stays what it was: it starts the inner one, writes
// its id maps, passes signals on, and ends with the inner one's status. The inner one is PID 1 of the new PID
// namespace and does all the work; whatever way either of them ends, the kernel then ends every process that
// was started inside, daemons included. Where the kernel gives the new namespace no /proc of its own there is none,
// and each of the two ends what the other leaves behind (see endWith).
//
// Ids: inside, 0 is the caller and 1, 2, 3, … are the caller's sub-ids in the order of /etc/subuid and
// /etc/subgid. For a caller who is root with all that takes, every id is itself; if they may mount in a user
// namespace that they are in already, no new one is made. With [Options].Alone there is the caller and nobody else.
//
// The package does not give a network namespace: what runs inside uses the host's network.
package userns

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Enter runs f inside the namespaces and returns its result, which is meant to be the exit status of the
// program. In the outer process it returns when the inner one has ended: with its exit status, 128+n when signal
// n ended it, or an error with advice (Hint) when the namespaces cannot be had; f has not run then.
//
// main must call it before anything else that has an effect, with the environment and arguments untouched,
// because main runs in both processes. SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to f's process; it may
// get those from a terminal twice, since the terminal sends them to both.
func Enter(f func() int) (int, error) {
	return EnterAs(-1, f)
}

// EnterAs is Enter with another user of the host, uid, as the root inside: one of the caller's sub-ids, or of all
// where the caller is root. That user and the caller change places in the map, and all others stay (see
// [Caller]); the groups are Enter's. The caller's own id, or -1, is no change.
func EnterAs(uid int, f func() int) (int, error) {
	return EnterWith(Options{Root: uid}, f)
}

// Options say how to enter.
type Options struct {
	Root  int    // the host's user that is root inside, by [EnterAs]; -1: the caller
	Alone bool   // with the caller's id and no other: needs neither sub-ids nor newuidmap
	Bare  bool   // with no namespace at all: what is left is that no process outlives f, and Word
	Word  string // for [Word] inside
}

// EnterWith is [Enter] with options.
func EnterWith(o Options, f func() int) (int, error) {
	if inside {
		return runInside(f)
	}
	return enter(o)
}

// Main is Enter for a main function or a TestMain that has nothing else to do: it writes an error to standard
// error and gives 1 for it. Use it as
//
//	os.Exit(userns.Main(m.Run))
func Main(f func() int) int {
	status, err := Enter(f)
	if err != nil {
		report(os.Stderr, err)
		return 1
	}
	return status
}

func report(w io.Writer, err error) {
	fmt.Fprintf(w, "shbuild: %v\n", err)
	var advice interface{ Hint() string }
	if errors.As(err, &advice) {
		fmt.Fprintf(w, "hint: %s\n", advice.Hint())
	}
}

// Inside says whether this process is the inner one, or was started by Enter.
func Inside() bool { return inside }

// Error is why the namespaces could not be had.
type Error struct {
	Op     string // what was being done: "make a user namespace"
	Err    error  // what the system answered
	Advice string // what the user can install or change
	Cause  Cause  // what stands in the way; empty: who knows
}

// Cause is what stands in the way, for who knows better than Advice how it is changed at a place.
type Cause string

// The causes.
const (
	CloneSysctl    Cause = "kernel.unprivileged_userns_clone is 0"
	LimitSysctl    Cause = "user.max_user_namespaces is reached"
	AppArmorSysctl Cause = "kernel.apparmor_restrict_unprivileged_userns is 1"
	AppArmor       Cause = "an AppArmor profile"
	Seccomp        Cause = "a seccomp filter"
	KernelConfig   Cause = "a kernel without user namespaces"
	NoNewPrivs     Cause = "no-new-privileges"
	NoProgram      Cause = "no newuidmap or newgidmap"
	NoRanges       Cause = "no sub-ids"
	NoGain         Cause = "newuidmap without privileges"
	Nosuid         Cause = "newuidmap on a file system that is mounted nosuid"
	SetuidBounded  Cause = "newuidmap by setuid, in a container without CAP_SYS_ADMIN"
	RootCaps       Cause = "root without CAP_SETUID, CAP_SETGID, CAP_SETFCAP"
)

func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Hint says what to install or change.
func (e *Error) Hint() string { return e.Advice }
