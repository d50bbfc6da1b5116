package sandbox

import (
	"errors"
	"fmt"
	"os"

	"github.com/docker/go-units"

	"github.com/shbuild/shbuild/runtime/userns"
)

// Limiter makes a cgroup whose processes together may have so many bytes of memory. Package cgroup has one; it is not
// imported here since the runner, for whom size matters, is built with this package.
type Limiter func(memory int64) (Group, error)

// Group is a cgroup.
type Group interface {
	// Procs is its file cgroup.procs, open for writing.
	Procs() *os.File
	// Admit lets in the processes of another root, who opens that file anew if it may not write to this one.
	Admit(*userns.Root) error
	// Usage tells how many processes the kernel has killed for the limit, and how many bytes they had at most (0: it is
	// not known).
	Usage() (killed int, peak int64)
	// Close removes it, when its processes have ended.
	Close() error
}

// limited is a run's limit of memory; nil: it has none.
type limited struct {
	group  Group
	memory int64
}

// limit makes a cgroup for a run that wants one.
func (s *Sandbox) limit(spec *Spec) (*limited, error) {
	if spec.Memory <= 0 {
		return nil, nil
	}
	if s.limiter == nil {
		return nil, &MemoryError{errors.New("no cgroups are used here")}
	}
	group, err := s.limiter(spec.Memory)
	if err != nil {
		return nil, &MemoryError{err}
	}
	l := &limited{group, spec.Memory}
	if spec.Root != nil {
		if err := group.Admit(spec.Root); err != nil {
			return nil, errors.Join(&MemoryError{err}, l.close())
		}
	}
	return l, nil
}

// files are what the runner needs of it.
func (l *limited) files() []*os.File {
	if l == nil {
		return nil
	}
	return []*os.File{l.group.Procs()}
}

// tell completes an answer of the runner's with what only the cgroup knows.
func (l *limited) tell(answer *reply) {
	if l == nil {
		return
	}
	killed, peak := l.group.Usage()
	answer.Result.OOM, answer.Result.Peak = killed > 0, peak
	if answer.Failure != nil && killed > 0 {
		answer.Failure = &failure{
			Memory: fmt.Sprintf("%s are too little for a program to start", units.BytesSize(float64(l.memory))), Hint: "a few megabytes are the least",
		}
	}
}

func (l *limited) close() error {
	if l == nil {
		return nil
	}
	return l.group.Close()
}
