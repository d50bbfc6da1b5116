package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/isolation"
)

// Run runs the process and waits for its end. An error means that the program did not run, or not as asked for:
// *ExecError when it is missing or cannot be executed, *MemoryError when there is no cgroup for the limit, the
// error of ctx when that ended the run, an error of a writer or of the reader when the program otherwise
// succeeded, *LimitError when a limit is above this process's own. When ctx ends, all of the container is killed,
// at the latest after Spec.Grace.
func (s *Sandbox) Run(ctx context.Context, spec Spec) (_ Result, err error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	if i := spec.Isolation; i != nil && i.Rung == isolation.None {
		return Result{}, i.RunError()
	}
	limit, err := s.limit(&spec)
	if err != nil {
		return Result{}, err
	}
	defer func() {
		if cerr := limit.close(); cerr != nil {
			err = errors.Join(err, cerr)
		}
	}()
	r, err := s.runner(place{spec.Root, spec.Memory > 0, spec.Private})
	if err != nil {
		return Result{}, err
	}
	var trees []*os.File
	if spec.Root != nil {
		if trees, err = openTrees(&spec); err != nil {
			return Result{}, err
		}
		defer closeAll(trees)
	}
	streams, err := newStdio(&spec)
	if err != nil {
		return Result{}, err
	}
	files := streams.child[:]
	if c := streams.socket(); c != nil {
		files = append(files, c)
	}
	files = append(files, limit.files()...)
	t, err := r.talk(request{Spec: spec, Limited: limit != nil, Trees: len(trees)}, append(files, trees...))
	if err != nil {
		streams.close()
		return Result{}, err
	}
	defer t.close()
	streams.started()
	defer context.AfterFunc(ctx, t.hangUp)()
	answer, err := t.hear()
	if err == nil && answer.Ready {
		if err = errors.Join(streams.begin(), t.say(struct{}{})); err != nil {
			t.hangUp()
		}
		last, herr := t.hear()
		answer, err = last, errors.Join(err, herr)
	}
	outputErr := streams.finish()
	if err == nil {
		limit.tell(&answer)
	}
	switch {
	case ctx.Err() != nil:
		return Result{}, ctx.Err()
	case err != nil:
		return Result{}, err
	case answer.Failure != nil:
		return Result{}, answer.Failure.error()
	case answer.Result.Status == 0 && outputErr != nil:
		return answer.Result, outputErr
	}
	return answer.Result, nil
}

// Describe says what Run would make of a Spec on this machine, as far as that can be told without running it: it
// comes from the same lists.
func (s *Sandbox) Describe(spec Spec) (Description, error) {
	r, err := s.runner(place{})
	if err != nil {
		return Description{}, err
	}
	t, err := r.talk(request{Spec: spec, Describe: true}, nil)
	if err != nil {
		return Description{}, err
	}
	defer t.close()
	answer, err := t.hear()
	if err != nil {
		return Description{}, err
	}
	return *answer.Describe, answer.Failure.error()
}

// talk is a connection of a job's.
type talk struct {
	conn   *os.File
	in     *json.Decoder
	out    *json.Encoder
	runner *runner
}

// talk sends a request with the program's files.
func (r *runner) talk(req request, files []*os.File) (*talk, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	conn := os.NewFile(uintptr(pair[0]), "connection to the container runner")
	t := &talk{conn, json.NewDecoder(conn), json.NewEncoder(conn), r}
	rights := []int{pair[1]}
	for _, f := range files {
		rights = append(rights, int(f.Fd()))
	}
	err = unix.Sendmsg(int(r.control.Fd()), []byte{0}, unix.UnixRights(rights...), nil, unix.MSG_NOSIGNAL)
	unix.Close(pair[1])
	if err == nil {
		err = t.say(req)
	}
	if err != nil {
		conn.Close()
		return nil, r.broken(err)
	}
	return t, nil
}

func (t *talk) say(v any) error { return t.out.Encode(v) }

func (t *talk) hear() (reply, error) {
	var answer reply
	if err := t.in.Decode(&answer); err != nil {
		return answer, t.runner.broken(err)
	}
	return answer, nil
}

// hangUp asks for the end of the container.
func (t *talk) hangUp() {
	if raw, err := t.conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) })
	}
}

func (t *talk) close() { t.conn.Close() }

// broken is the error of a runner that talks no more.
func (r *runner) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("the container runner has ended%s", r.said)
	}
	return fmt.Errorf("talk to the container runner: %w", err)
}
