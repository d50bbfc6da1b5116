package container

import (
	"sync"

	"golang.org/x/sys/unix"
)

// cgroupFolder is where the cgroups are mounted.
const cgroupFolder = "/sys/fs/cgroup"

// cgroupAccess keeps libcontainer from giving every container a cgroup of its own. None is needed where no limit
// is set, and putting a process into one makes the kernel wait for all its processors (cgroup_threadgroup_rwsem
// and RCU): a RUN of `true` took up to a quarter of a second on a busy machine, where that wait was seen. libcontainer goes on without a cgroup where it may make
// none, so they are read-only in the mount namespace of the build, but while a container with a limit lives.
type cgroupAccess struct {
	mu     sync.Mutex
	closed bool
	inside int // containers that have, or may have, a cgroup
}

var cgroupDoor cgroupAccess

// enter is called before a container is made, and the returned function when it is gone.
func (a *cgroupAccess) enter(limit bool) (leave func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !limit && a.inside == 0 {
		if !a.closed {
			a.closed = setReadOnly(true)
		}
		return func() {}
	}
	if a.closed {
		a.closed = !setReadOnly(false)
	}
	a.inside++ // without a limit too, as it gets a cgroup, which it must be able to remove
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.inside--
	}
}

// setReadOnly says whether it succeeded: a kernel before 5.12 cannot, and what it would have saved is time alone.
func setReadOnly(readOnly bool) bool {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if !readOnly {
		attr = unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	}
	return unix.MountSetattr(unix.AT_FDCWD, cgroupFolder, unix.AT_RECURSIVE, &attr) == nil
}
