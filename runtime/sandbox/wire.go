package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// How Run and the runner talk.
//
// The control socket (SOCK_SEQPACKET) carries one message a job: a byte that says nothing, and files. The first file
// is the job's own connection, a stream of JSON values, then come the program's three standard streams and, for a
// Terminal, the socket that the container's init sends its pseudo-terminal over, with a limit of memory the file
// cgroup.procs of its cgroup, and, for another root, the mounts that the container is made of (openTrees).
//
//	Run → runner   request
//	runner → Run   reply with Ready: the container is made (only with a Terminal)
//	Run → runner   go: the terminal is connected
//	runner → Run   reply: how it ended
//
// A connection that Run has closed for writing asks for the end of the container. The end of the control socket asks
// for the end of them all, and of the runner.

// controlFd is the runner's end of the control socket.
const controlFd = 3

// ForAnotherRoot is the argument of a runner that has to become another root first (Spec.Root).
const ForAnotherRoot = "another-root"

type request struct {
	Spec     Spec
	Limited  bool // one of the files is a cgroup's
	Trees    int  // how many of the files are mounts
	Describe bool // nothing is run
}

type reply struct {
	Ready    bool `json:",omitempty"`
	Result   Result
	Failure  *failure     `json:",omitempty"`
	Describe *Description `json:",omitempty"`
}

// failure is an error on its way. Those that callers look into keep their type.
type failure struct {
	Text, Hint string
	Exec       *ExecError
	Limit      *LimitError
	Memory     string
}

// Job is a run as the runner has it.
type Job struct {
	Spec    Spec
	Streams [3]*os.File // the program's
	Console *os.File    // nil: there is no Terminal
	Cgroup  *os.File    // cgroup.procs of the cgroup that the container is to be in; nil: it is not
	Trees   []*os.File  // another root's: the root file system and the sources of Spec.Mounts, mounts that are nowhere yet
	// Ready is to be called when the container's init is ready for the program. It returns when Run is too.
	Ready func() error
}

// Started closes the program's files, once it has them.
func (j *Job) Started() {
	for _, f := range append(j.Streams[:], j.Console) {
		if f != nil {
			f.Close()
		}
	}
	j.Streams, j.Console = [3]*os.File{}, nil
}

// Runner is what the runner does.
type Runner struct {
	Run      func(context.Context, *Job) (Result, error)
	Describe func(Spec) (Description, error)
}

// Serve is the runner's main loop: it returns when the process that started the runner closes its end, or ends, and
// all containers are gone.
func (r Runner) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	unix.CloseOnExec(controlFd)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for {
		files, err := receive(controlFd)
		if err != nil {
			return fmt.Errorf("read the control socket: %w", err)
		}
		if len(files) == 0 {
			return nil
		}
		running.Go(func() { r.serve(ctx, files) })
	}
}

// serve does one job. The errors of its connection are those of a caller that has ended: they have no reader.
func (r Runner) serve(ctx context.Context, files []*os.File) {
	conn := files[0]
	defer conn.Close()
	in, out := json.NewDecoder(conn), json.NewEncoder(conn)
	var req request
	if in.Decode(&req) != nil || req.Trees > len(files)-4 && !req.Describe {
		closeAll(files)
		return
	}
	job := &Job{Trees: files[len(files)-req.Trees:]}
	defer closeAll(job.Trees)
	files = files[:len(files)-req.Trees]
	if req.Limited {
		job.Cgroup = files[len(files)-1]
		files = files[:len(files)-1]
		defer job.Cgroup.Close()
	}
	copy(job.Streams[:], files[1:])
	terminal := len(files) > 4
	if terminal {
		job.Console = files[4]
	}
	defer job.Started()
	if req.Describe {
		d, err := r.Describe(req.Spec)
		_ = out.Encode(reply{Describe: &d, Failure: failureOf(err)})
		return
	}
	job.Spec = req.Spec
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	goes := make(chan struct{})
	go func() {
		defer cancel()
		for in.Decode(&struct{}{}) == nil {
			close(goes)
		}
	}()
	job.Ready = func() error {
		if !terminal {
			return nil
		}
		if err := out.Encode(reply{Ready: true}); err != nil {
			return err
		}
		select {
		case <-goes:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	result, err := r.Run(ctx, job)
	_ = out.Encode(reply{Result: result, Failure: failureOf(err)})
}

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	var memory *MemoryError
	if errors.As(err, &memory) {
		f.Memory = memory.Err.Error()
	}
	_ = errors.As(err, &f.Exec)
	_ = errors.As(err, &f.Limit)
	if h := (interface{ Hint() string })(nil); errors.As(err, &h) {
		f.Hint = h.Hint()
	}
	return f
}

func (f *failure) error() error {
	switch {
	case f == nil:
		return nil
	case f.Exec != nil:
		return f.Exec
	case f.Limit != nil:
		return f.Limit
	case f.Memory != "":
		return &MemoryError{&runnerError{f.Memory, f.Hint}}
	}
	return &runnerError{f.Text, f.Hint}
}

// runnerError is any other error of the runner's.
type runnerError struct{ text, hint string }

func (e *runnerError) Error() string { return e.text }

// Hint is the advice; package diag shows it.
func (e *runnerError) Hint() string { return e.hint }

// receive takes one message's files from a control socket; none: it has ended.
func receive(fd int) ([]*os.File, error) {
	oob := make([]byte, unix.CmsgSpace((maxTrees+8)*4))
	var n, oobn int
	var err error
	for {
		n, oobn, _, _, err = unix.Recvmsg(fd, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil || n == 0 {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(err, errors.New("a message without files"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	files := make([]*os.File, len(fds))
	for i, fd := range fds {
		files[i] = os.NewFile(uintptr(fd), "from the control socket")
	}
	return files, nil
}
