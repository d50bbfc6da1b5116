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
	case e.v2:
		return delegate
	}
	return "cgroups of version 1: root gives you one, and starts a shell in it: mkdir /sys/fs/cgroup/memory/you; chown -R you /sys/fs/cgroup/memory/you; echo $$ > /sys/fs/cgroup/memory/you/cgroup.procs. Or run shbuild as root"
}

// delegate is what gives an ordinary user a cgroup of their own on a machine with systemd.
const delegate = "run it in a cgroup of your own: systemd-run --user --scope -p Delegate=yes shbuild …; or as root"
