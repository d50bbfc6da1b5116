package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// Sandbox starts containers. Its runner is started when the first is wanted; for some containers it takes another one.
type Sandbox struct {
	program []byte
	limiter Limiter
	mu      sync.Mutex
	closed  bool
	starts  map[string]func() (*runner, error) // by their places
	started []*runner
}

// place is where a runner has to be.
type place struct {
	root *userns.Root // nil: the root here
	// limited: in the cgroup that this process has come to. What it has started before cannot follow it there.
	limited bool
	network *Private // nil: the host's. All that it starts is there too
}

// New gives a Sandbox with the program of the runner, an executable's content (package runner has it), and what limits
// memory (package cgroup); without, no run can be limited.
func New(program []byte, l Limiter) *Sandbox {
	return &Sandbox{program: program, limiter: l, starts: map[string]func() (*runner, error){}}
}

// Close ends the runners, and whatever they still run. After it Run fails.
func (s *Sandbox) Close() (err error) {
	s.mu.Lock()
	s.closed = true
	running := s.started
	s.mu.Unlock()
	for _, r := range running {
		err = errors.Join(err, r.close())
	}
	return err
}

// runner finds, or starts, the runner at a place.
func (s *Sandbox) runner(at place) (*runner, error) {
	key := fmt.Sprintf("%v %p ", at.limited, at.network)
	if at.root != nil {
		key += at.root.String()
	}
	s.mu.Lock()
	start := s.starts[key]
	if start == nil {
		start = sync.OnceValues(func() (*runner, error) { return s.startRunner(at) })
		s.starts[key] = start
	}
	s.mu.Unlock()
	return start()
}

// runner is the runner's process.
type runner struct {
	control *os.File
	process *exec.Cmd
	said    *lastWords
}

func (s *Sandbox) startRunner(at place) (*runner, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("start the container runner: the build is over")
	}
	r, err := startRunner(s.program, at)
	if err != nil {
		return nil, fmt.Errorf("start the container runner: %w", err)
	}
	s.started = append(s.started, r)
	return r, nil
}

func startRunner(program []byte, at place) (*runner, error) {
	file, err := executable(program)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "control socket"), os.NewFile(uintptr(pair[1]), "control socket")
	defer theirs.Close()
	r := &runner{control: ours, said: &lastWords{}}
	r.process = exec.Command(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	r.process.Args = []string{"shbuild-runner"}
	r.process.ExtraFiles = []*os.File{theirs} // becomes controlFd
	r.process.Stderr = r.said
	r.process.SysProcAttr = &unix.SysProcAttr{}
	if at.root != nil {
		r.process.SysProcAttr = at.root.Attr()
		r.process.Args = append(r.process.Args, ForAnotherRoot)
	}
	r.process.SysProcAttr.Setpgid = true // a ^C of the terminal's is for the build, which ends its containers
	start := r.process.Start
	if at.network != nil {
		start = func() error { return at.network.Start(r.process) }
	}
	if err := start(); err != nil {
		ours.Close()
		if at.root != nil {
			err = at.root.StartError(err)
		}
		return nil, err
	}
	return r, nil
}

// close ends the runner.
func (r *runner) close() error {
	r.control.Close()
	if err := r.process.Wait(); err != nil {
		return fmt.Errorf("end the container runner: %w%s", err, r.said)
	}
	return nil
}

// executable makes a file that can be executed and never changed. A process in a container can get at the
// executable of libcontainer's init (CVE-2019-5736), and libcontainer copies the executable for each container unless
// it is sealed like this.
func executable(program []byte) (*os.File, error) {
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	made, err := unix.MemfdCreate("shbuild-runner", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		made, err = unix.MemfdCreate("shbuild-runner", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	// It is executed by its number, which must not be one that the process's own files get.
	fd, err := unix.FcntlInt(uintptr(made), unix.F_DUPFD_CLOEXEC, controlFd+1)
	unix.Close(made)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "shbuild-runner")
	_, err = f.Write(program)
	if err == nil {
		err = f.Chmod(0o555) // libcontainer looks at it, also as another root
	}
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("write it into memory: %w", err)
	}
	return f, nil
}

// lastWords keeps the end of what a runner that breaks says.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

var _ io.Writer = (*lastWords)(nil)

func (l *lastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	l.text = l.text[max(0, len(l.text)-1000):]
	return len(b), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.text) == 0 {
		return ""
	}
	return ": " + strings.TrimSpace(string(l.text))
}
