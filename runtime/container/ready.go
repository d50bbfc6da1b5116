package container

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// ready keeps one container that waits for a next step: its namespaces are made and its init, a Go program, is up,
// which is more than half of what a container costs. The next one is begun while a step's program runs.
type ready struct {
	mu      sync.Mutex
	closed  bool
	waiting *spare
}

// spare is a container without a step.
type spare struct {
	c    *container
	dir  string // of its own
	null *os.File
}

// ordinary says whether a job is of the kind that a spare is kept for: all that libcontainer's side of a container,
// which has only the configuration that it was made with, has to know is the same for all of them.
func ordinary(spec *sandbox.Spec, terminal bool) bool {
	return !terminal && !spec.NoNetwork && !spec.Insecure && spec.Memory == 0 && len(spec.Limits) == 0 && len(spec.Mounts) == 0
}

// take gives the waiting container to a job, if there is one and it is of the kind. Without a container and an error
// the job needs a new one.
func (r *ready) take(job *sandbox.Job, config *configs.Config) (*container, error) {
	if !ordinary(&job.Spec, job.Console != nil) {
		return nil, nil
	}
	r.mu.Lock()
	s := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	if s == nil {
		return nil, nil
	}
	if _, err := os.Stat(s.root()); err != nil { // whose folders it lies beside has cleaned up
		return nil, s.discard()
	}
	// It is attached in the container's mount namespace, which is older than the mount.
	root, err := unix.OpenTree(unix.AT_FDCWD, config.Rootfs, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return nil, errors.Join(s.discard(), fmt.Errorf("take the root file system: %w", err))
	}
	rootFile := os.NewFile(uintptr(root), config.Rootfs)
	defer rootFile.Close()
	config.Rootfs = s.root()
	spec := &job.Spec
	e := errand{Root: config.Rootfs, Config: map[string]any{
		"config": config, "args": spec.Args, "env": spec.Env, "cwd": spec.Cwd,
		"uid": spec.UID, "gid": spec.GID, "additional_groups": spec.Groups,
	}}
	if err := s.c.send(e, job.Streams[0], job.Streams[1], job.Streams[2], rootFile); err != nil {
		// Its init has ended, and nothing of the step's was done.
		return nil, s.discard()
	}
	s.c.done = s.remove
	return s.c, nil
}

// prepare begins a container for the next step, unless one waits already. That it cannot be made, the next step will
// say.
func (r *ready) prepare(spec *sandbox.Spec) {
	if !spec.More {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.waiting != nil {
		return
	}
	r.waiting, _ = newSpare(filepath.Dir(spec.StateDir), spec.Private)
}

func (r *ready) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.waiting != nil {
		_ = r.waiting.discard()
		r.waiting = nil
	}
}

func newSpare(above string, network *sandbox.Private) (_ *spare, err error) {
	s := &spare{}
	if s.dir, err = os.MkdirTemp(above, "spare-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(s.dir)
		}
	}()
	if err := os.Mkdir(s.root(), 0o755); err != nil {
		return nil, err
	}
	filter, err := defaultFilter()
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	// What is not of its kind comes with the errand; libcontainer asks for something all the same.
	spec := &sandbox.Spec{ID: "spare-" + rand.Text(), Hostname: "spare", Private: network}
	p := &libcontainer.Process{
		Init: true, Args: []string{"none"}, Env: []string{}, Cwd: "/", AdditionalGroups: []int{}, Stdin: null, Stdout: null, Stderr: null,
	}
	if s.c, err = start(s.dir, spec.ID, config(spec, s.root(), systemMounts(spec), filter.caps), p, func() error { return nil }); err != nil {
		null.Close()
		return nil, err
	}
	s.null = null
	return s, nil
}

func (s *spare) root() string { return filepath.Join(s.dir, "root") }

// discard ends a spare that no step has been given to.
func (s *spare) discard() error {
	s.c.side.Close() // its init ends
	<-s.c.started
	err := s.c.destroy()
	s.remove()
	return err
}

// remove removes what is the spare's own.
func (s *spare) remove() {
	s.null.Close()
	_ = os.RemoveAll(s.dir)
}
