package isolation

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/capability"
	moby "github.com/moby/sys/userns"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// Facts are what a place is like, as far as it matters for isolation.
type Facts struct {
	UID        int      `json:"uid"`
	InUserNS   bool     `json:"inUserNamespace"` // not the first user namespace of the machine
	Caps       []string `json:"capabilities"`    // the effective ones: "CAP_CHOWN" …
	NoNewPrivs bool     `json:"noNewPrivs"`
	Seccomp    bool     `json:"seccomp"` // a filter is there already
	Kernel     string   `json:"kernel"`  // its release
	NewUIDMap  Program  `json:"newuidmap"`
	NewGIDMap  Program  `json:"newgidmap"`
	// Sysctls are the kernel's settings about user namespaces, by name; those that are there.
	Sysctls  map[string]string `json:"sysctls"`
	AppArmor string            `json:"apparmor,omitempty"` // this process's profile, "unconfined", or empty: none
	SELinux  bool              `json:"selinux,omitempty"`  // it enforces

	// Full and OneID are the trials of the two rungs with a user namespace.
	Full  Trial `json:"full"`
	OneID Trial `json:"oneID"`
}

// Program is a helper program.
type Program struct {
	Path string `json:"path,omitempty"` // empty: it is not installed
	Gain string `json:"gain,omitempty"` // "setuid", "file capabilities"; empty: it gains nothing
}

// Trial is how entering the namespaces went.
type Trial struct {
	OK      bool   `json:"ok"`
	OwnProc bool   `json:"ownProc,omitempty"` // /proc can be mounted for a new PID namespace
	Error   string `json:"error,omitempty"`
	Advice  string `json:"advice,omitempty"`
	// Cause is what stands in the way, where that is known.
	Cause userns.Cause `json:"cause,omitempty"`
}

// settings are the sysctls that are looked at.
var settings = []string{
	"user.max_user_namespaces", "kernel.unprivileged_userns_clone", "kernel.apparmor_restrict_unprivileged_userns",
}

// Look gathers the facts of this process's place. It starts this executable a second time, for a moment, for each
// trial; the program's main has to call [Enter] or [userns.Enter] for that. It changes nothing.
func Look() Facts {
	f := Facts{UID: os.Geteuid(), InUserNS: moby.RunningInUserNS(), Caps: effective(), Sysctls: map[string]string{}}
	f.NoNewPrivs = userns.StatusField("NoNewPrivs") == "1"
	f.Seccomp = userns.StatusField("Seccomp") == "2"
	f.NewUIDMap, f.NewGIDMap = helper("newuidmap"), helper("newgidmap")
	for _, name := range settings {
		if v := userns.Sysctl(name); v != "" {
			f.Sysctls[name] = v
		}
	}
	f.AppArmor = line("/proc/self/attr/apparmor/current")
	if f.AppArmor == "" && line("/sys/module/apparmor/parameters/enabled") == "Y" {
		f.AppArmor = line("/proc/self/attr/current")
	}
	f.SELinux = line("/sys/fs/selinux/enforce") == "1"
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		f.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	f.Full, f.OneID = try(false), try(true)
	return f
}

func try(alone bool) (t Trial) {
	own, err := userns.Try(userns.Options{Root: -1, Alone: alone})
	if err == nil {
		return Trial{OK: true, OwnProc: own}
	}
	return failedTrial(err)
}

func failedTrial(err error) Trial {
	t := Trial{Error: err.Error()}
	var e *userns.Error
	if errors.As(err, &e) {
		t.Advice, t.Cause = e.Hint(), e.Cause
	}
	return t
}

// line is a file's first line; empty if there is none.
func line(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.Trim(first, " \x00")
}

// effective lists the capabilities in force.
func effective() []string {
	mask, err := strconv.ParseUint(userns.StatusField("CapEff"), 16, 64)
	if err != nil {
		return nil
	}
	var names []string
	for _, c := range capability.ListKnown() {
		if mask&(1<<uint(c)) != 0 {
			names = append(names, "CAP_"+strings.ToUpper(c.String()))
		}
	}
	return names
}

func helper(name string) (p Program) {
	path, err := exec.LookPath(name)
	if err != nil {
		path = filepath.Join("/usr/bin", name)
	}
	info, err := os.Stat(path)
	if err != nil {
		return p
	}
	p.Path = path
	if n, err := unix.Getxattr(path, "security.capability", nil); err == nil && n > 0 {
		p.Gain = "file capabilities"
	} else if info.Mode()&os.ModeSetuid != 0 {
		p.Gain = "setuid"
	}
	return p
}
