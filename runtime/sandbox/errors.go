package sandbox

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ExecError is the error of Run for a program that cannot be run.
type ExecError struct {
	Program string // as given in Spec.Args
	Reason  string // "executable file not found in $PATH", "permission denied", "exec format error", …
}

// Error has the form that Docker's users know.
func (e *ExecError) Error() string { return fmt.Sprintf("exec: %q: %s", e.Program, e.Reason) }

// ExitStatus is what a shell would give: 127 for a program that is not there, else 126.
func (e *ExecError) ExitStatus() int {
	if e.Reason == reasonNotInPath || strings.HasSuffix(e.Reason, ReasonNoFile) {
		return 127
	}
	return 126
}

// The reasons that have advice, in Go's and the kernel's words, but for ReasonLoader.
const (
	reasonNotInPath = "executable file not found in $PATH"
	ReasonNoFile    = "no such file or directory"
	reasonDenied    = "permission denied"
	reasonFormat    = "exec format error"
	ReasonLoader    = "its interpreter is missing: " + ReasonNoFile
)

// Hint says what to do about it.
func (e *ExecError) Hint() string {
	switch {
	case e.Reason == reasonNotInPath:
		return "the image has no such program, or not in a folder of its PATH"
	case e.Reason == ReasonLoader:
		return "the program is there, but not the one that its #! line or, for a binary, its dynamic loader names"
	case strings.HasSuffix(e.Reason, ReasonNoFile):
		return "the image has no file of this name"
	case strings.HasSuffix(e.Reason, reasonDenied):
		return "the file is not executable for this user (chmod +x, or COPY --chmod=755)"
	case e.Reason == reasonFormat:
		return "it is built for another processor, or it is a script without a #! line"
	}
	return ""
}

// LimitError is the error of Run for a limit that only the host's root could give.
type LimitError struct {
	Name       string
	Want, Have uint64 // hard limits
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the limit %s=%s is above this process's own, %s", e.Name, limit(e.Want), limit(e.Have))
}

// Hint says how to get it.
func (e *LimitError) Hint() string {
	return fmt.Sprintf("ask for at most %s, or raise the limit of your login (ulimit -H, limits.conf)", limit(e.Have))
}

func limit(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

// MemoryError is the error of Run when there is no cgroup to limit the memory with.
type MemoryError struct{ Err error }

func (e *MemoryError) Error() string { return "limit the memory: " + e.Err.Error() }

func (e *MemoryError) Unwrap() error { return e.Err }

// Hint says how to get one.
func (e *MemoryError) Hint() string {
	var advised interface{ Hint() string }
	if errors.As(e.Err, &advised) {
		return advised.Hint()
	}
	return "run as root, or in a cgroup of your own: systemd-run --user --scope -p Delegate=yes shbuild …"
}
