package container

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// The launcher's files: what to do, and where it says what went wrong.
const (
	orderFd = 3
	saidFd  = 4
)

// execFailed begins what is said of an exec that failed.
const execFailed = "cannot exec: "

// launcher is the launcher's main function. All is done on the process's one thread that counts: the others end with
// the exec.
func launcher() {
	runtime.LockOSThread()
	unix.CloseOnExec(saidFd)
	err := becomeProgram()
	_, _ = rawFile(saidFd).Write([]byte(err.Error()))
	os.Exit(255)
}

// becomeProgram does not return but with an error.
func becomeProgram() error {
	text, err := io.ReadAll(rawFile(orderFd))
	unix.Close(orderFd)
	if err != nil {
		return err
	}
	var l launch
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	unix.Umask(0o022)
	if _, err := unix.Setsid(); err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	if l.Terminal {
		if err := unix.IoctlSetInt(0, unix.TIOCSCTTY, 0); err != nil {
			return fmt.Errorf("take the terminal: %w", err)
		}
	}
	for _, r := range l.Limits {
		if err := unix.Setrlimit(r.Resource, &unix.Rlimit{Cur: r.Soft, Max: r.Hard}); err != nil {
			return fmt.Errorf("set the limit %s: %w", r.Name, err)
		}
	}
	filtered := userns.StatusField("Seccomp") == "2" // asked of the outer /proc: in the chroot a file could answer
	if err := unix.Chroot(l.Root); err != nil {
		return fmt.Errorf("change the root to %s: %w", l.Root, err)
	}
	if err := unix.Chdir(l.Cwd); err != nil {
		return fmt.Errorf("change to the folder %s: %w", l.Cwd, err)
	}
	if err := l.filter(filtered); err != nil {
		return err
	}
	if err := l.become(); err != nil {
		return err
	}
	env := l.environment()
	path, err := l.program(env)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s%w", execFailed, unix.Exec(path, l.Args, env))
}

// filter loads the seccomp filter, which takes CAP_SYS_ADMIN or no_new_privs. The latter would keep another user than
// root from sudo and the like, so where there is a filter already, it is left at that one for them.
func (l *launch) filter(filtered bool) error {
	program, err := readFilter(bytes.NewReader(l.Filter))
	if len(l.Filter) == 0 || err != nil || len(program) == 0 {
		return nil
	}
	if !hasAdmin() {
		if l.UID != 0 && filtered {
			return nil
		}
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("give up new privileges: %w", err)
		}
	}
	return load(program)
}

func hasAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	return unix.Capget(&header, &sets[0]) == nil && sets[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// become drops capabilities and takes the user's ids.
func (l *launch) become() error {
	var keep uint64
	for _, c := range l.Keep {
		keep |= 1 << c
	}
	for c := uintptr(0); c < 64; c++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if err != nil {
			break
		}
		if has == 1 && keep&(1<<c) == 0 {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
				return fmt.Errorf("drop a capability: %w", err)
			}
		}
	}
	groups := make([]uint32, len(l.Groups))
	for i, g := range l.Groups {
		groups[i] = uint32(g)
	}
	if err := setIDs(groups, l.UID, l.GID); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	for i := range sets {
		part := uint32(keep >> (32 * i))
		sets[i].Permitted &= part
		sets[i].Effective &= part
		sets[i].Inheritable = 0
	}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

// environment is that of the program, with HOME. Of a variable that is set twice the last one counts.
func (l *launch) environment() []string {
	last := map[string]int{}
	for i, v := range l.Env {
		name, _, _ := strings.Cut(v, "=")
		last[name] = i
	}
	var env []string
	for i, v := range l.Env {
		if name, _, _ := strings.Cut(v, "="); last[name] == i {
			env = append(env, v)
		}
	}
	l.Env = env
	if slices.ContainsFunc(l.Env, func(v string) bool { return strings.HasPrefix(v, "HOME=") }) {
		return l.Env
	}
	home := "/"
	if f, err := openPasswd(); err == nil {
		defer f.Close()
		users, err := user.ParsePasswdFilter(f, func(u user.User) bool { return u.Uid == l.UID })
		if err == nil && len(users) > 0 && users[0].Home != "" {
			home = users[0].Home
		}
	}
	return append(slices.Clip(l.Env), "HOME="+home)
}

// openPasswd opens the image's file, which may be anything.
func openPasswd() (*os.File, error) {
	fd, err := unix.Open("/etc/passwd", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "/etc/passwd")
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		f.Close()
		return nil, os.ErrInvalid
	}
	return f, nil
}

// program finds the program as its user would.
func (l *launch) program(env []string) (string, error) {
	for _, v := range env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			if err := os.Setenv("PATH", path); err != nil {
				return "", err
			}
		}
	}
	return exec.LookPath(l.Args[0])
}
