// Package sandbox runs one process in a root file system, as BuildKit would: with its own mount, PID, IPC and UTS
// namespaces, a given network, the host's or none, Docker's default capabilities and seccomp profile, and Docker's masked
// and read-only paths.
//
// It has to run inside the namespaces of package userns, as root there. Runs are independent of each other and
// may happen at the same time.
//
// The containers are made by a second, much smaller program, the runner (cmd/runner, package container), which the
// first run starts and Close ends: libcontainer starts its own executable anew for every container, and starting
// shbuild's costs more than all the rest. The two talk over sockets, see wire.go.
//
// Invariants: when Run returns, no process of the container is left, all that was written to standard output
// and standard error has been handed over, and the root file system holds what the process left there and
// nothing of ours but empty folders /proc, /dev and /sys, which BuildKit leaves in images too. No process of the
// user's runs without the seccomp filter, unless the Spec is Insecure.
//
// It does not mount the root file system, and it does not look names of users up: it is given both.
package sandbox

import (
	"io"
	"net/netip"
	"os/exec"
	"time"

	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/userns"
)

// Mount is something mounted into the container over its root file system.
type Mount struct {
	Type     string   // "bind" (also when empty) or "tmpfs"
	Source   string   // bind: a file or folder, with what is mounted below it
	Target   string   // an absolute path in the container; made for the time of the run when it is missing
	ReadOnly bool     // all of it, mounts below it included
	Options  []string // "nosuid", "nodev", "noexec"; for a tmpfs also its own: "size=64m", "mode=1777", "uid=1000"
}

// Spec says what to run and where.
type Spec struct {
	ID       string // names the container: letters, digits, "_", "+", "-", "."; unique in StateDir
	Rootfs   string // a mounted, writable root file system
	StateDir string // a folder for the time of the run; best on a tmpfs, and never one above the executable's

	Args     []string // the program, looked up in the PATH of Env within Rootfs, and its arguments
	Env      []string // all of its environment, "NAME=value"; HOME comes from /etc/passwd when it is missing
	Cwd      string   // its working directory, absolute; empty: "/"
	UID, GID int
	Groups   []int  // supplementary groups
	Hostname string // empty: "shbuild"

	Mounts []Mount // in this order, after /proc, /dev, /sys, /etc/resolv.conf and /etc/hosts

	NoNetwork bool     // a network of its own, with nothing in it but lo
	Private   *Private // a network that the container shares with others; nil: it is the host's
	Hosts     []string // further lines of /etc/hosts
	ShmSize   int64    // size of /dev/shm in bytes; 0: 64 MB
	Limits    []Limit
	// Insecure gives every capability that this process can give, and neither a seccomp filter nor masked or
	// read-only paths.
	Insecure bool

	Stdin          io.Reader `json:"-"` // nil: empty
	Stdout, Stderr io.Writer `json:"-"` // nil: thrown away. One and the same writer gets both in the order of writing

	Terminal *Terminal `json:"-"` // takes the place of all three; nil: they are pipes

	// Root is another user of the host who is root in the container, in a user namespace below this one; nil: the root
	// here. The files of Rootfs and of Mounts have to belong to that one's users already (userns.There).
	Root *userns.Root `json:"-"`

	Memory int64 // limit of memory in bytes, swap included; 0: none

	Isolation *isolation.Report // where this process is; nil: in the namespaces of package userns

	// More says that another run is likely to follow, for which a container is then made ready, in a folder beside
	// StateDir.
	More bool

	// Grace is how long the program has to end after SIGTERM when the context ends, if it has a handler for that;
	// then, and without a handler, it is killed.
	Grace time.Duration
}

// Private is a network of its own for several containers. Package network has one.
type Private struct {
	NameServer netip.Addr            // where the first of the host's name servers answers
	Start      func(*exec.Cmd) error `json:"-"` // starts a process in it
}

// Limit is a resource limit of the process.
type Limit struct {
	Name       string // for errors: "nofile"
	Resource   int    // RLIMIT_…
	Soft, Hard uint64
}

// Result is how the process ended.
type Result struct {
	Status int    // its exit status; 128+n when signal n ended it
	Signal string // the signal that ended it: "SIGKILL"; empty: none
	OOM    bool   // the kernel killed one of its processes because Memory was used up
	Peak   int64  // with Memory: the most that its processes had together, in bytes; 0: the kernel does not tell
}
