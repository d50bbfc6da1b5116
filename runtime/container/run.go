package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// Containers makes containers. Its zero value works; Close must be called.
type Containers struct {
	ready ready
}

// Run makes the container of a job, runs its program in it and waits for the end. When ctx ends, all of the container
// is killed, at the latest after the Spec's Grace.
func (all *Containers) Run(ctx context.Context, job *sandbox.Job) (_ sandbox.Result, err error) {
	spec := &job.Spec
	if err := ctx.Err(); err != nil {
		return sandbox.Result{}, err
	}
	if err := complete(spec); err != nil {
		return sandbox.Result{}, err
	}
	if chrooted(spec) {
		return runChroot(ctx, job)
	}
	undo, err := settle(job)
	if err != nil {
		return sandbox.Result{}, err
	}
	defer func() { err = errors.Join(err, undo()) }()
	if err := checkLimits(spec); err != nil {
		return sandbox.Result{}, err
	}
	rootfs, err := filepath.EvalSymlinks(spec.Rootfs)
	if err != nil {
		return sandbox.Result{}, fmt.Errorf("find the root file system: %w", err)
	}
	if err := adapt(spec, rootfs); err != nil {
		return sandbox.Result{}, err
	}
	mounts, cleanUp, err := networkMounts(spec)
	if err != nil {
		return sandbox.Result{}, err
	}
	defer cleanUp()
	mounts = append(systemMounts(spec), mounts...)
	adaptMounts(spec, mounts)
	for _, m := range spec.Mounts {
		mount, err := userMount(m)
		if err != nil {
			return sandbox.Result{}, err
		}
		mounts = append(mounts, mount)
	}
	stubs, err := makeStubs(rootfs, mounts)
	if err != nil {
		return sandbox.Result{}, err
	}
	ran := false
	defer func() { stubs.remove(!ran) }()

	filter, err := filterFor(spec)
	if err != nil {
		return sandbox.Result{}, err
	}
	result, err := all.run(ctx, job, config(spec, rootfs, mounts, filter.caps), filter.program)
	ran = err == nil
	return result, err
}

// Close ends the container that waits for a next step.
func (all *Containers) Close() { all.ready.close() }

// run has the job done by the container that waits for it, else by a new one.
func (all *Containers) run(ctx context.Context, job *sandbox.Job, config *configs.Config, filter []byte) (sandbox.Result, error) {
	c, err := all.ready.take(job, config)
	if c == nil && err == nil {
		c, err = create(job, config)
	}
	if err != nil {
		return sandbox.Result{}, err
	}
	result, err := c.carryOut(ctx, job, filter, func() { go all.ready.prepare(&job.Spec) })
	return result, errors.Join(err, c.destroy())
}

// complete checks the Spec and fills in defaults.
func complete(s *sandbox.Spec) error {
	if len(s.Args) == 0 || s.Args[0] == "" {
		return errors.New("no program to run")
	}
	if s.Cwd == "" {
		s.Cwd = "/"
	}
	if s.Hostname == "" {
		s.Hostname = "shbuild"
	}
	return nil
}

type compiledFilter struct {
	caps    []string
	program []byte // in the side channel's form
}

// The filters are compiled once: the capabilities that they depend on do not change while the process lives.
var (
	defaultFilter    = sync.OnceValues(func() (compiledFilter, error) { return compileFilter(false) })
	pretendingFilter = sync.OnceValues(func() (compiledFilter, error) { return compileFilter(true) })
)

func compileFilter(pretend bool) (compiledFilter, error) {
	caps := capabilities()
	program, err := dockerFilter(caps, pretend)
	return compiledFilter{caps, encodeFilter(program)}, err
}

// filterFor gives the capabilities and the filter of a container.
func filterFor(spec *sandbox.Spec) (compiledFilter, error) {
	switch {
	case spec.Insecure && pretends(spec):
		program, err := pretendingAlone()
		return compiledFilter{allCapabilities(), encodeFilter(program)}, err
	case spec.Insecure:
		return compiledFilter{allCapabilities(), encodeFilter(nil)}, nil
	case pretends(spec):
		return pretendingFilter()
	}
	return defaultFilter()
}

// carryOut lets the container's program run and waits for its end. It calls running when there is nothing left to do
// but to wait.
func (c *container) carryOut(ctx context.Context, job *sandbox.Job, filter []byte, running func()) (sandbox.Result, error) {
	spec := &job.Spec
	if _, err := c.side.Write(filter); err != nil {
		return sandbox.Result{}, fmt.Errorf("send the seccomp filter: %w", err)
	}
	err := <-c.started
	job.Started()
	var memory *sandbox.MemoryError
	if errors.As(err, &memory) {
		return sandbox.Result{}, memory
	}
	if err != nil {
		return sandbox.Result{}, startError(spec.Args[0], startMessage(err, c.side))
	}
	ended := make(chan struct{})
	defer close(ended)
	stop := context.AfterFunc(ctx, func() { end(c.Container, spec.Grace, ended) })
	defer stop()
	startErr := job.Ready()
	if startErr == nil {
		startErr = letGo(spec, c.Container, c.side)
	}
	if startErr != nil {
		_ = c.Signal(unix.SIGKILL)
	} else {
		running()
	}
	state, waitErr := c.process.Wait()
	switch {
	case ctx.Err() != nil:
		return sandbox.Result{}, ctx.Err()
	case startErr != nil:
		return sandbox.Result{}, startErr
	case state == nil:
		return sandbox.Result{}, fmt.Errorf("wait for the container: %w", waitErr)
	}
	result := resultOf(state.Sys().(syscall.WaitStatus))
	return result, nil
}

// end ends the container: by SIGTERM where its program has a handler for it, else, or after the grace, by SIGKILL.
// Without a handler the kernel would not give the signal to a process 1.
func end(c *libcontainer.Container, grace time.Duration, ended <-chan struct{}) {
	if grace > 0 && handlesTerm(c) && c.Signal(unix.SIGTERM) == nil {
		select {
		case <-ended:
			return
		case <-time.After(grace):
		}
	}
	_ = c.Signal(unix.SIGKILL)
}

// handlesTerm says whether the container's process 1 has a handler for SIGTERM.
func handlesTerm(c *libcontainer.Container) bool {
	state, err := c.State()
	return err == nil && handles(state.InitProcessPid, unix.SIGTERM)
}

// startMessage is what went wrong in c.Start. What the init could not tell libcontainer is in the side channel.
func startMessage(err error, side io.Reader) string {
	said, _ := io.ReadAll(side)
	if len(said) == 0 {
		return err.Error()
	}
	return fmt.Sprintf("%v: %s", err, said)
}

// letGo has the seccomp filter loaded, lets the init exec the program, and sees whether that succeeds.
func letGo(spec *sandbox.Spec, c *libcontainer.Container, side *os.File) error {
	if _, err := side.Write([]byte{0}); err != nil {
		return fmt.Errorf("load the seccomp filter: %w", err)
	}
	answer := make([]byte, 512)
	n, err := side.Read(answer)
	switch {
	case n == 1 && answer[0] == loaded:
	case n > 0:
		return fmt.Errorf("start the container: %s", answer[:n])
	default:
		return fmt.Errorf("load the seccomp filter: the container's init has ended: %w", err)
	}
	if err := c.Exec(); err != nil {
		return fmt.Errorf("start the program: %w", err)
	}
	if said, _ := io.ReadAll(side); len(said) > 0 {
		return execError(spec.Args[0], string(said))
	}
	return nil
}

func resultOf(s syscall.WaitStatus) sandbox.Result {
	if s.Signaled() {
		return sandbox.Result{Status: 128 + int(s.Signal()), Signal: unix.SignalName(s.Signal())}
	}
	return sandbox.Result{Status: s.ExitStatus()}
}
