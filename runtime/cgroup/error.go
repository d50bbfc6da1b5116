package cgroup

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Error is why this process can have no cgroup with a limit.
type Error struct {
	Err error
	v2  bool
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Hint says how to get one.
func (e *Error) Hint() string {
	switch {
	case errors.Is(e.Err, errNoHierarchy):
		return "a container: give it the host's cgroups (docker and podman: --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup:rw), or leave MEM to what started it"
	case errors.Is(e.Err, unix.EROFS):
		return "/sys/fs/cgroup is read-only, as in a container: mount it with write access, or limit the container itself"
	case errors.Is(e.Err, errController):
		return "root switches it on: echo +memory > cgroup.subtree_control, in the cgroups above; Debian: cgroup_enable=memory on the kernel's command line"
	case errors.Is(e.Err, errOthers):
		return "leave USERNS or MEM out, or run it as root or on a machine with cgroups of version 2"
	case e.v2:
		return delegate
	}
	return "cgroups of version 1: root gives you one, and starts a shell in it: mkdir /sys/fs/cgroup/memory/you; chown -R you /sys/fs/cgroup/memory/you; echo $$ > /sys/fs/cgroup/memory/you/cgroup.procs. Or run shbuild as root"
}

// errOthers is in the error for processes of other users.
var errOthers = errors.New("cgroups of version 1 let a user limit no other user's processes, and so none under USERNS")

// delegate is what gives an ordinary user a cgroup of their own on a machine with systemd.
const delegate = "run it in a cgroup of your own: systemd-run --user --scope -p Delegate=yes shbuild …; or as root"
