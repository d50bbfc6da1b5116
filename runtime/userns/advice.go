package userns

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	apparmorSysctl = "kernel.apparmor_restrict_unprivileged_userns"
	debianSysctl   = "kernel.unprivileged_userns_clone"
	limitSysctl    = "user.max_user_namespaces"
)

func Sysctl(name string) (value string) {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// StatusField gives a line of /proc/self/status: "NoNewPrivs", "Seccomp".
func StatusField(name string) string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cannotClone explains why the kernel made no user namespace.
func cannotClone(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err // that it was an exec is of no use to anybody
	}
	advice := "the kernel or what this runs in forbids user namespaces; see user_namespaces(7)"
	switch {
	case Sysctl(debianSysctl) == "0":
		advice = "allow them: sudo sysctl -w " + debianSysctl + "=1"
	case Sysctl(limitSysctl) == "0" || errors.Is(err, unix.ENOSPC):
		advice = "allow more of them: sudo sysctl -w " + limitSysctl + "=15000"
	case Sysctl(apparmorSysctl) == "1" && os.Geteuid() != 0:
		advice = apparmorAdvice()
	case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS):
		advice = "this kernel is built without user namespaces (CONFIG_USER_NS)"
	case StatusField("Seccomp") == "2":
		advice = "a seccomp filter forbids them, as in a container: start it with --security-opt seccomp=unconfined"
	case errors.Is(err, unix.EPERM):
		advice = "a chroot or a security module forbids user namespaces here; see user_namespaces(7)"
	}
	return &Error{Op: "make a user namespace", Err: err, Advice: advice}
}

func apparmorAdvice() string {
	exe, err := os.Executable()
	if err != nil {
		exe = "shbuild"
	}
	return fmt.Sprintf("AppArmor keeps ordinary users from it: sudo sysctl -w %s=0, or give %s a profile with \"userns,\"",
		apparmorSysctl, exe)
}

func (m maps) cannotMap(err error) error {
	advice := "root here lacks CAP_SETUID, CAP_SETGID or CAP_SETFCAP; or run as an ordinary user who has sub-ids"
	if m.alone {
		advice = "run as an ordinary user: the kernel lets root map itself with CAP_SETFCAP alone"
		if os.Geteuid() != 0 {
			advice = "what this runs in forbids it; see user_namespaces(7)"
		}
	}
	return &Error{Op: "write the id map", Err: err, Advice: advice}
}

func noRanges(who, file string) error {
	return &Error{
		Op:     "map user ids",
		Err:    fmt.Errorf("%s has no range of ids for %s", file, who),
		Advice: fmt.Sprintf("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s", who),
	}
}

func noProgram(program string) error {
	return &Error{
		Op:     "map user ids",
		Err:    fmt.Errorf("%s is not installed", program),
		Advice: "sudo apt-get install uidmap (Fedora: shadow-utils, Alpine: shadow-uidmap, Arch: shadow)",
	}
}

// programFailed explains why newuidmap or newgidmap, at path, set no map.
func programFailed(path, said string, err error) error {
	if said = strings.TrimSpace(said); said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	advice := "see that the ranges in /etc/subuid and /etc/subgid overlap nobody else's"
	switch {
	case StatusField("NoNewPrivs") == "1":
		advice = "no_new_privs is on, so " + path + " cannot work: start without it (docker: drop no-new-privileges; systemd: NoNewPrivileges=no)"
	case !gainsPrivilege(path):
		advice = "it has neither the setuid bit nor file capabilities: sudo chmod u+s " + path
	case mountedNosuid(path):
		advice = path + " is on a file system that is mounted nosuid: mount it without, or install it elsewhere"
	}
	return &Error{Op: "map user ids", Err: fmt.Errorf("%s: %w", path, err), Advice: advice}
}

func gainsPrivilege(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeSetuid != 0 {
		return true
	}
	n, err := unix.Getxattr(path, "security.capability", nil)
	return err == nil && n > 0
}

func mountedNosuid(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && fs.Flags&unix.ST_NOSUID != 0
}

// refused makes an error of what the inner process answered: "op|errno".
func refused(answer string) error {
	op, number, _ := strings.Cut(answer, "|")
	n, _ := strconv.Atoi(number)
	errno := unix.Errno(n)
	advice := "the kernel or what this runs in forbids it; see user_namespaces(7)"
	switch {
	case Sysctl(apparmorSysctl) == "1" && os.Geteuid() != 0:
		advice = apparmorAdvice()
	case StatusField("Seccomp") == "2":
		advice = "a seccomp filter forbids it, as in a container: start it with --security-opt seccomp=unconfined"
	}
	return &Error{Op: op + " in the user namespace", Err: errno, Advice: advice}
}
