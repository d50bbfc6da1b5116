package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// container is one whose init is on its way, or waits for its errand.
type container struct {
	*libcontainer.Container
	process *libcontainer.Process
	side    *os.File   // see filter.go
	started chan error // libcontainer's word, once: the init is ready for the program, or why not
	done    func()     // called when it is gone; may be nil
}

// create makes the container of a job from scratch.
func create(job *sandbox.Job, config *configs.Config) (*container, error) {
	spec := &job.Spec
	var unlimited error
	if job.Cgroup != nil {
		// While the init is still the root here: cgroups of version 1 take none of other users from an ordinary one.
		config.Hooks = configs.Hooks{configs.CreateRuntime: {configs.NewFunctionHook(func(s *specs.State) error {
			unlimited = joinCgroup(job, s.Pid)
			return unlimited
		})}}
	}
	c, err := start(spec.StateDir, spec.ID, config, process(job), func() error { return unlimited })
	if err != nil {
		return nil, err
	}
	if err := c.send(errand{}); err != nil {
		return nil, errors.Join(err, c.destroy())
	}
	return c, nil
}

// process is the job's program in libcontainer's terms.
func process(job *sandbox.Job) *libcontainer.Process {
	spec := &job.Spec
	return &libcontainer.Process{
		Init:             true,
		Args:             spec.Args,
		Env:              spec.Env,
		Cwd:              spec.Cwd,
		UID:              spec.UID,
		GID:              spec.GID,
		AdditionalGroups: spec.Groups,
		Stdin:            job.Streams[0],
		Stdout:           job.Streams[1],
		Stderr:           job.Streams[2],
		ConsoleSocket:    job.Console,
	}
}

// start starts a container's init. It waits for an errand. What kept it out of a cgroup, unlimited says afterwards.
func start(dir, id string, config *configs.Config, p *libcontainer.Process, unlimited func() error) (_ *container, err error) {
	hideCgroups()
	c := &container{process: p, started: make(chan error, 1)}
	if c.Container, err = libcontainer.Create(dir, id, config); err != nil {
		return nil, fmt.Errorf("create the container: %w", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a socket pair: %w", err), c.Destroy())
	}
	theirs := os.NewFile(uintptr(pair[1]), "side channel")
	c.side = os.NewFile(uintptr(pair[0]), "side channel")
	p.ExtraFiles = []*os.File{theirs}
	go func() {
		err := c.Start(p)
		theirs.Close()
		if cerr := unlimited(); cerr != nil {
			err = cerr
		}
		c.started <- err
		close(c.started)
	}()
	return c, nil
}

// send gives the init its errand, once. The files are the program's standard streams and the root file system, or
// none.
func (c *container) send(e errand, files ...*os.File) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	rights := make([]int, len(files))
	for i, f := range files {
		rights[i] = int(f.Fd())
	}
	var oob []byte
	if len(rights) > 0 {
		oob = unix.UnixRights(rights...)
	}
	size := []byte(fmt.Sprintf("%0*d", errandHead, len(text)))
	if err := unix.Sendmsg(int(c.side.Fd()), size, oob, nil, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("talk to the container's init: %w", err)
	}
	if _, err := c.side.Write(text); err != nil {
		return fmt.Errorf("talk to the container's init: %w", err)
	}
	return nil
}

// destroy removes the container, whose program has ended or never began.
func (c *container) destroy() error {
	c.side.Close()
	err := c.Destroy()
	if c.done != nil {
		c.done()
	}
	if err != nil {
		return fmt.Errorf("remove the container: %w", err)
	}
	return nil
}
