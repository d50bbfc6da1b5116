package userns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// enter is the outer process's part.
func enter(o Options) (int, error) {
	if o.Bare {
		return enterAs(maps{here: true}, bare, o.Word)
	}
	ids, err := mapsFor(o)
	if err != nil {
		return 0, err
	}
	status, err := enterAs(ids, running, o.Word)
	if errors.Is(err, errOuterProc) {
		status, err = enterAs(ids, sharing, o.Word)
	}
	return status, err
}

// errOuterProc is the inner process's refusal of a PID namespace without its own /proc.
var errOuterProc = errors.New("there is no /proc for a PID namespace")

// enterAs is enter in a way that a word of the marker stands for.
func enterAs(ids maps, kind, word string) (int, error) {
	// The parent-death signal of the inner process is sent when the *thread* that started it ends.
	runtime.LockOSThread()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer signal.Stop(signals)

	if kind != running {
		if err := adoptOrphans(); err != nil {
			return 0, fmt.Errorf("adopt orphans: %w", err)
		}
		defer killDescendants(os.Getpid(), patience)
	}
	inner, line, err := start(ids, kind, word)
	if err != nil {
		return 0, err
	}
	// line stays open as long as this process lives: its end is how the inner process learns of ours until
	// the parent-death signal is armed.
	defer line.Close()
	said := ""
	if err = ids.write(inner.Pid); err == nil {
		said, err = letGo(line)
	}
	if err == nil && said == outerProc {
		err = errOuterProc
	}
	if err != nil {
		_ = inner.Kill()
		_, _ = inner.Wait()
		return 0, err
	}
	return follow(inner, signals)
}

// Try says whether [EnterWith] would succeed, and whether /proc would be the new PID namespace's own
// ([OwnProc]), by entering and leaving at once: some 10 ms.
func Try(o Options) (ownProc bool, err error) {
	ids, err := mapsFor(o)
	if err != nil {
		return false, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	inner, line, err := start(ids, trial, "")
	if err != nil {
		return false, err
	}
	defer line.Close()
	said := ""
	if err = ids.write(inner.Pid); err == nil {
		said, err = letGo(line)
	}
	_ = inner.Kill()
	_, _ = inner.Wait()
	return said == "", err
}

// start starts the inner process, which waits for its ids at the other end of the line.
func start(ids maps, kind, word string) (*os.Process, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "line"), os.NewFile(uintptr(pair[1]), "line")
	defer theirs.Close()
	ask, theirAsk, err := newAsk()
	if err != nil {
		ours.Close()
		return nil, nil, err
	}
	defer theirAsk.Close()
	// Without the ambient set the exec, done under an id that has no number yet, drops every capability.
	flags, ambient, signal := uintptr(unix.CLONE_NEWUSER|unix.CLONE_NEWNS|unix.CLONE_NEWPID), allCaps(), unix.SIGKILL
	told := kind
	if ids.here {
		flags, ambient = flags&^unix.CLONE_NEWUSER, nil
		told = strings.TrimSuffix(kind, ":") + asHere + ":"
	}
	switch kind {
	case sharing:
		flags, signal = flags&^unix.CLONE_NEWPID, 0 // it learns of our end by the line (see endWith)
	case bare:
		flags, signal = 0, 0
	}
	p, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), marker+"="+told+word),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, theirs, theirAsk},
		Sys: &syscall.SysProcAttr{
			Cloneflags:  flags,
			AmbientCaps: ambient,
			Pdeathsig:   signal,
		},
	})
	if err != nil {
		ours.Close()
		ask.Close()
		return nil, nil, cannotClone(err)
	}
	go serve(ask)
	return p, ours, nil
}

// allCaps lists the capabilities that the kernel knows. A new user namespace begins with all of them, whatever the
// bounding set around it.
func allCaps() []uintptr {
	var all []uintptr
	for c := uintptr(0); c < 64; c++ {
		if _, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0); err != nil {
			break
		}
		all = append(all, c)
	}
	return all
}

// write sets the id maps of process pid.
func (m maps) write(pid int) error {
	switch {
	case m.here:
		return nil
	case m.direct:
		return m.writeHere(pid)
	}
	var both errgroup.Group
	both.Go(func() error { return idmap("newuidmap", pid, m.uids) })
	both.Go(func() error { return idmap("newgidmap", pid, m.gids) })
	return both.Wait()
}

// writeHere is write without the help of a setuid program.
func (m maps) writeHere(pid int) error {
	files := []struct{ name, text string }{{"uid_map", text(m.uids)}, {"gid_map", text(m.gids)}}
	if m.alone {
		// Whoever may not map other groups must have no way to leave one, see user_namespaces(7).
		files = append([]struct{ name, text string }{{"setgroups", "deny"}}, files...)
	}
	for _, f := range files {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, f.name), []byte(f.text), 0); err != nil {
			return m.cannotMap(err)
		}
	}
	return nil
}

// idmap runs newuidmap or newgidmap.
func idmap(program string, pid int, ids []user.IDMap) error {
	path, err := exec.LookPath(program)
	if err != nil {
		path = "/usr/bin/" + program // PATH may be anything; this is where it is
	}
	var said bytes.Buffer
	cmd := exec.Command(path, append([]string{strconv.Itoa(pid)}, words(ids)...)...)
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return noProgram(program)
		}
		return programFailed(path, said.String(), err)
	}
	return nil
}

// letGo lets the inner process use its ids and waits until it has set itself up. The inner process answers an
// error, or closes the line; one on trial may say outerProc.
func letGo(line *os.File) (said string, err error) {
	if _, err := line.Write([]byte{1}); err != nil && !errors.Is(err, unix.EPIPE) {
		return "", fmt.Errorf("start in the user namespace: %w", err)
	}
	answer, err := io.ReadAll(line)
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		return "", fmt.Errorf("start in the user namespace: %w", err)
	}
	switch string(answer) {
	case "", outerProc:
		return string(answer), nil
	}
	return "", refused(string(answer))
}

// follow passes signals on until the inner process ends, and gives its exit status.
func follow(inner *os.Process, signals <-chan os.Signal) (int, error) {
	type result struct {
		state *os.ProcessState
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		state, err := inner.Wait()
		ended <- result{state, err}
	}()
	var last syscall.Signal
	for {
		select {
		case s := <-signals:
			last = s.(syscall.Signal)
			_ = inner.Signal(s)
		case r := <-ended:
			if r.err != nil {
				return 0, fmt.Errorf("wait for the process in the user namespace: %w", r.err)
			}
			return status(r.state.Sys().(syscall.WaitStatus), last), nil
		}
	}
}

// status makes an exit status of how the inner process ended after the signal last (0: none) was passed on.
func status(s syscall.WaitStatus, last syscall.Signal) int {
	switch {
	case s.Signaled():
		return 128 + int(s.Signal())
	case s.ExitStatus() == 2 && last != 0:
		// The kernel lets no unhandled signal end a PID 1, not even one that it sends itself, so Go's runtime,
		// wanting to die of a signal, exits with 2 in the end.
		return 128 + int(last)
	}
	return s.ExitStatus()
}
