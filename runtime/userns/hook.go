package userns

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// marker names the environment variable by which the outer process tells the inner one what it is: its value is one
// of the words below, with Options.Word behind it. The inner one takes it away again, so that f and what it starts see
// the environment that the user gave.
const (
	marker  = "_SHBUILD_USERNS"
	trial   = "try:"
	running = "run:"
	sharing = "share:" // in the outer process's PID namespace
	bare    = "bare:"  // in all of its namespaces
	asHere  = " here"  // at the end of a word, before the colon: in its user namespace
)

// Set once, before main, in the inner process.
var (
	inside bool
	kind   string // a word of the marker
	here   bool   // the user namespace is the outer process's
	word   string // Options.Word
)

// The re-exec hook. It has to run before main for two reasons. LockOSThread in an init function is the only way
// to keep the main goroutine on the process's first thread, where reap needs it. And a thread has the
// capability sets of the thread that made it: what is dropped this early is dropped for all that matter.
func init() {
	var rest string
	var ok bool
	if kind, rest, ok = strings.Cut(os.Getenv(marker), ":"); !ok {
		return
	}
	kind, here = strings.CutSuffix(kind, asHere)
	kind += ":"
	if (kind == running || kind == trial) && os.Getpid() != 1 {
		return
	}
	word = rest
	inside = true
	dropInherited()
	runtime.LockOSThread()
	if kind == trial {
		tried()
	}
}

// dropInherited clears the ambient and inheritable sets, which were needed only to keep the capabilities over
// the exec in a namespace that had no ids yet. As root no program loses anything by it. Failing is not harmful:
// containers are given their own sets.
func dropInherited() {
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if unix.Capget(&header, &sets[0]) != nil {
		return
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0
	_ = unix.Capset(&header, &sets[0])
}
