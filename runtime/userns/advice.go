package userns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	e := &Error{Op: "make a user namespace", Err: err}
	switch {
	case Sysctl(debianSysctl) == "0":
		e.Cause, e.Advice = CloneSysctl, "allow them: sudo sysctl -w "+debianSysctl+"=1"
	case Sysctl(limitSysctl) == "0" || errors.Is(err, unix.ENOSPC):
		e.Cause, e.Advice = LimitSysctl, "allow more of them: sudo sysctl -w "+limitSysctl+"=15000"
	case Sysctl(apparmorSysctl) == "1" && os.Geteuid() != 0:
		e.Cause, e.Advice = AppArmorSysctl, apparmorAdvice
	case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS):
		e.Cause, e.Advice = KernelConfig, "this kernel is built without user namespaces (CONFIG_USER_NS)"
	case StatusField("Seccomp") == "2":
		e.Cause, e.Advice = Seccomp, "a seccomp filter forbids them, as in a container: start it with --security-opt seccomp=unconfined"
	case errors.Is(err, unix.EPERM):
		e.Advice = "a chroot or a security module forbids user namespaces here; see user_namespaces(7)"
	default:
		e.Advice = "the kernel or what this runs in forbids user namespaces; see user_namespaces(7)"
	}
	return e
}

// apparmorAdvice: the sysctl would be off for every program of the machine.
const apparmorAdvice = "AppArmor keeps ordinary users from it; a profile allows it to this program: shbuild doctor --apparmor | sudo tee /etc/apparmor.d/shbuild && sudo apparmor_parser -r /etc/apparmor.d/shbuild"

func (m maps) cannotMap(err error) error {
	e := &Error{Op: "write the id map", Err: err, Cause: RootCaps}
	e.Advice = "root here lacks CAP_SETUID, CAP_SETGID or CAP_SETFCAP; or run as an ordinary user who has sub-ids"
	if m.alone {
		e.Advice = "run as an ordinary user: the kernel lets root map itself with CAP_SETFCAP alone"
		if os.Geteuid() != 0 {
			e.Cause, e.Advice = "", "what this runs in forbids it; see user_namespaces(7)"
		}
	}
	return e
}

func noRanges(who, file string) error {
	return &Error{
		Op:     "map user ids",
		Err:    fmt.Errorf("%s has no range of ids for %s", file, who),
		Advice: fmt.Sprintf("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s", who),
		Cause:  NoRanges,
	}
}

func noProgram(program string) error {
	return &Error{
		Op:     "map user ids",
		Err:    fmt.Errorf("%s is not installed", program),
		Advice: "sudo apt-get install uidmap (Fedora: shadow-utils, Alpine: shadow-uidmap, Arch: shadow)",
		Cause:  NoProgram,
	}
}

// programFailed explains why newuidmap or newgidmap, at path, set no map.
func programFailed(path, said string, err error) error {
	if said = strings.TrimSpace(said); said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	e := &Error{Op: "map user ids", Err: fmt.Errorf("%s: %w", path, err)}
	switch {
	case StatusField("NoNewPrivs") == "1":
		e.Cause, e.Advice = NoNewPrivs, "no_new_privs is on, so "+path+" cannot work: start without it (docker: drop no-new-privileges; systemd: NoNewPrivileges=no)"
	case !gainsPrivilege(path):
		e.Cause, e.Advice = NoGain, "it has neither the setuid bit nor file capabilities: sudo chmod u+s "+path
	case mountedNosuid(path):
		e.Cause, e.Advice = Nosuid, path+" is on a file system that is mounted nosuid: mount it without, or install it elsewhere"
	case !capable(path) && !bounded(unix.CAP_SYS_ADMIN):
		// As root it is not the owner of the namespace, and by user_namespaces(7) may not write its map then.
		e.Cause, e.Advice = SetuidBounded, "in a container without CAP_SYS_ADMIN the setuid bit is not enough, file capabilities are: "+setcaps(path)
	default:
		e.Advice = "see that the ranges in /etc/subuid and /etc/subgid overlap nobody else's"
	}
	return e
}

// setcaps gives newuidmap and newgidmap file capabilities instead of the setuid bit.
func setcaps(path string) string {
	dir := filepath.Dir(path)
	return fmt.Sprintf("chmod u-s %s/new?idmap && setcap cap_setuid=ep %s/newuidmap && setcap cap_setgid=ep %s/newgidmap", dir, dir, dir)
}

func gainsPrivilege(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode()&os.ModeSetuid != 0 || capable(path)
}

// capable says whether a program has file capabilities.
func capable(path string) bool {
	n, err := unix.Getxattr(path, "security.capability", nil)
	return err == nil && n > 0
}

// bounded says whether a capability is in the bounding set.
func bounded(capability int) bool {
	n, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(capability), 0, 0, 0)
	return err == nil && n == 1
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
	e := &Error{Op: op + " in the user namespace", Err: errno}
	switch profile := apparmorProfile(); {
	case Sysctl(apparmorSysctl) == "1" && os.Geteuid() != 0:
		e.Cause, e.Advice = AppArmorSysctl, apparmorAdvice
	case errno == unix.EACCES && profile != "":
		e.Cause, e.Advice = AppArmor, "the AppArmor profile "+profile+" forbids it, as in a container: start it with --security-opt apparmor=unconfined"
	case StatusField("Seccomp") == "2":
		e.Cause, e.Advice = Seccomp, "a seccomp filter forbids it, as in a container: start it with --security-opt seccomp=unconfined"
	default:
		e.Advice = "the kernel or what this runs in forbids it; see user_namespaces(7)"
	}
	return e
}

// apparmorProfile is the profile that confines this process; empty: none does.
func apparmorProfile() string {
	b, err := os.ReadFile("/proc/self/attr/apparmor/current")
	if err != nil {
		return ""
	}
	name, mode, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	if mode != "(enforce)" {
		return ""
	}
	return name
}
