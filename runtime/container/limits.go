package container

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// checkLimits sees whether the limits can be set: raising a hard one needs a capability in the first user
// namespace, which a process in another one never has.
func checkLimits(spec *sandbox.Spec) error {
	for _, l := range spec.Limits {
		var own unix.Rlimit
		if err := unix.Getrlimit(l.Resource, &own); err != nil {
			return fmt.Errorf("read the limit %s: %w", l.Name, err)
		}
		if l.Hard > own.Max {
			return &sandbox.LimitError{Name: l.Name, Want: l.Hard, Have: own.Max}
		}
	}
	return nil
}
