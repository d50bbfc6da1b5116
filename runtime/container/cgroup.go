package container

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// hideCgroups keeps libcontainer from giving every container a cgroup of its own. None is needed where no limit is set,
// and putting a process into one makes the kernel wait for all its processors (cgroup_threadgroup_rwsem and RCU): a RUN
// of `true` took up to a quarter of a second on a busy machine, where that wait was seen. libcontainer goes on without a
// cgroup where it may make none, so they become read-only in the mount namespace of the build. Package cgroup has a way
// of its own to them.
//
// A kernel before 5.12 cannot do it, and what it would have saved is time alone.
var hideCgroups = sync.OnceFunc(func() {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	_ = unix.MountSetattr(unix.AT_FDCWD, "/sys/fs/cgroup", unix.AT_RECURSIVE, &attr)
})

// joinCgroup puts a process, with what it will start, into the job's cgroup, if it has one. Of another root the kernel
// may want that it has opened the file itself.
func joinCgroup(job *sandbox.Job, pid int) error {
	if job.Cgroup == nil {
		return nil
	}
	_, err := job.Cgroup.WriteString(strconv.Itoa(pid))
	if errors.Is(err, unix.EACCES) && ownFolder != "" {
		err = writeAnew(job.Cgroup, strconv.Itoa(pid))
	}
	if err != nil {
		return &sandbox.MemoryError{Err: fmt.Errorf("put the program into its cgroup: %w", err)}
	}
	return nil
}

func writeAnew(f *os.File, text string) error {
	own, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = own.WriteString(text)
	return errors.Join(err, own.Close())
}
