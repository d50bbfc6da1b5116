package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

// Where there are no namespaces a program runs in a chroot: as root of the container that all this runs in, with
// what that one forbids and a little more. It shares the network, the processes' numbers and the host name with it.
//
// Three processes of this executable make it up:
//
//	the runner   dresses the root file system: /dev, /etc/resolv.conf, mounts (see dress.go)
//	the guard    one for each run: it adopts orphans, and ends all of them after the program
//	the launcher becomes the program: chroot, limits, capabilities, seccomp filter, user
//
// The guard's standard input and output are the program's; file 3 is a socket to the runner:
//
//	runner → guard  launch, then a byte: termByte or killByte; the end of the stream kills too
//	guard → runner  outcome

// launch says what to run.
type launch struct {
	Root     string
	Args     []string
	Env      []string
	Cwd      string
	UID, GID int
	Groups   []int
	Limits   []sandbox.Limit
	Keep     []uintptr // capabilities
	Filter   []byte    // as encodeFilter gives it
	Terminal bool      // standard input is one
}

// outcome is how the program ended, or why it did not begin.
type outcome struct {
	Status syscall.WaitStatus
	Failed string // the launcher's words
}

const (
	termByte = 't'
	killByte = 'k'
)

// chrooted says whether a job's rung is the chroot.
func chrooted(spec *sandbox.Spec) bool {
	return spec.Isolation != nil && spec.Isolation.Rung == isolation.Chroot
}

// runChroot is [Containers.Run] without a container.
func runChroot(ctx context.Context, job *sandbox.Job) (_ sandbox.Result, err error) {
	spec := &job.Spec
	if err := chrootCan(spec); err != nil {
		return sandbox.Result{}, err
	}
	rootfs, err := filepath.EvalSymlinks(spec.Rootfs)
	if err != nil {
		return sandbox.Result{}, fmt.Errorf("find the root file system: %w", err)
	}
	clothes, err := dress(spec, rootfs)
	if err != nil {
		return sandbox.Result{}, err
	}
	ran := false
	defer func() {
		if uerr := clothes.off(!ran); err == nil {
			err = uerr
		}
	}()
	order, err := launchOf(spec, rootfs)
	if err != nil {
		return sandbox.Result{}, err
	}
	result, err := guarded(ctx, job, order)
	ran = err == nil
	return result, err
}

// chrootError is the error for what a chroot cannot give.
type chrootError struct{ what, hint string }

func (e *chrootError) Error() string { return e.what }

// Hint says what would give it.
func (e *chrootError) Hint() string { return e.hint }

// chrootCan refuses what would need a namespace or a mount.
func chrootCan(spec *sandbox.Spec) error {
	const better = "it takes a better rung than chroot: shbuild's first line says what would reach it"
	if spec.NoNetwork {
		return &chrootError{"without namespaces a RUN cannot be cut off from the network", better}
	}
	for _, m := range spec.Mounts {
		for _, o := range m.Options {
			if strings.HasPrefix(o, "size=") {
				return &chrootError{"a mount on " + m.Target + " with a size: without mounts nothing bounds it", "leave size= out; " + better}
			}
		}
	}
	return checkLimits(spec)
}

// launchOf is what the launcher has to do.
func launchOf(spec *sandbox.Spec, rootfs string) (*launch, error) {
	l := &launch{
		Root: rootfs, Args: spec.Args, Env: spec.Env, Cwd: spec.Cwd, UID: spec.UID, GID: spec.GID, Groups: spec.Groups,
		Limits: spec.Limits,
	}
	for _, c := range dockerCaps {
		// With these a program could leave the chroot, and make nodes of devices that the outer container is not
		// kept from.
		if c.number != unix.CAP_SYS_CHROOT && c.number != unix.CAP_MKNOD || spec.Insecure {
			l.Keep = append(l.Keep, c.number)
		}
	}
	if spec.Insecure {
		return l, nil
	}
	filter, err := defaultFilter()
	l.Filter = filter.program
	return l, err
}

// guarded starts the guard and waits for it.
func guarded(ctx context.Context, job *sandbox.Job, order *launch) (sandbox.Result, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return sandbox.Result{}, fmt.Errorf("make a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "side channel"), os.NewFile(uintptr(pair[1]), "side channel")
	defer ours.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{"shbuild-guard", guardRole}, Env: []string{"PATH=/"}, Dir: "/",
		ExtraFiles:  []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	master, err := stdio(cmd, job)
	if err == nil {
		err = cmd.Start()
	}
	theirs.Close()
	if f, ok := cmd.Stdin.(*os.File); ok && master != nil {
		f.Close() // the program's end of the terminal
	}
	if err != nil {
		return sandbox.Result{}, fmt.Errorf("start the program's guard: %w", err)
	}
	order.Terminal = master != nil
	err = sendTerminal(job, master)
	job.Started()
	if err == nil {
		err = job.Ready()
	}
	if err == nil {
		err = joinCgroup(job, cmd.Process.Pid) // with the guard, which is small
	}
	if err == nil {
		err = json.NewEncoder(ours).Encode(order)
	}
	if err != nil {
		ours.Close() // which ends it
		_ = cmd.Wait()
		return sandbox.Result{}, err
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { stopGuard(ours, job.Spec.Grace, ended) })
	var out outcome
	err = json.NewDecoder(ours).Decode(&out)
	close(ended)
	stop()
	_ = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return sandbox.Result{}, ctx.Err()
	case err != nil:
		return sandbox.Result{}, fmt.Errorf("the guard of the program has ended: %w", err)
	case out.Failed != "":
		return sandbox.Result{}, launchError(order.Args[0], out.Failed)
	}
	return resultOf(out.Status), nil
}

// stopGuard asks for the program's end, and after the grace for that of all.
func stopGuard(ours *os.File, grace time.Duration, ended <-chan struct{}) {
	if grace > 0 {
		_, _ = ours.Write([]byte{termByte})
		select {
		case <-ended:
			return
		case <-time.After(grace):
		}
	}
	_, _ = ours.Write([]byte{killByte})
}

// stdio gives the guard the program's streams; master is our end of a terminal, if it is one.
func stdio(cmd *exec.Cmd, job *sandbox.Job) (master *os.File, err error) {
	if job.Console == nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = job.Streams[0], job.Streams[1], job.Streams[2]
		return nil, nil
	}
	master, slave, err := openTerminal()
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	return master, errors.Join(slave.Chown(job.Spec.UID, job.Spec.GID))
}

// openTerminal opens a pseudo-terminal of the outer container's.
func openTerminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetUint32(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

func sendTerminal(job *sandbox.Job, master *os.File) error {
	if master == nil {
		return nil
	}
	defer master.Close()
	if err := unix.Sendmsg(int(job.Console.Fd()), []byte("terminal"), unix.UnixRights(int(master.Fd())), nil, 0); err != nil {
		return fmt.Errorf("hand the terminal over: %w", err)
	}
	return nil
}

// launchError makes an error of the launcher's words.
func launchError(program, said string) error {
	if reason, ok := strings.CutPrefix(said, execFailed); ok {
		return execError(program, reason)
	}
	return startError(program, said)
}
