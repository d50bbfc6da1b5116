package container

import (
	"fmt"
	"strings"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// startError makes an error of what libcontainer or the container's init said when it could not start the
// program: they have only text for us.
func startError(program, said string) error {
	if _, reason, ok := strings.Cut(said, fmt.Sprintf("exec: %q: ", program)); ok {
		reason, _, _ = strings.Cut(reason, "\n")
		return &sandbox.ExecError{Program: program, Reason: reason}
	}
	said = strings.TrimPrefix(said, "unable to start container process: ")
	said = strings.TrimPrefix(said, "error during container init: ")
	return fmt.Errorf("start the container: %s", said)
}

// execError makes an error of what the init said when the kernel would not run the program that it had found:
// "exec /bin/true: exec format error".
func execError(program, said string) error {
	reason := strings.TrimSpace(said)
	if i := strings.LastIndex(reason, ": "); i >= 0 {
		reason = reason[i+2:]
	}
	if reason == sandbox.ReasonNoFile {
		reason = sandbox.ReasonLoader
	}
	return &sandbox.ExecError{Program: program, Reason: reason}
}
