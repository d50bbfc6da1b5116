// Package cgroup limits the memory of processes: it makes a cgroup with a limit, of version 1 or 2, below one that
// belongs to the caller, and tells what came of it.
//
// Which cgroup that is, is found out once, when the first limit is asked for. See parent.go for version 1 and for
// version 2 without systemd, scope.go for systemd.
//
// A group is a folder shbuild-ID, locked by flock for as long as its maker lives. What a killed process left behind is
// removed by the next one that makes a group at the same place.
//
// The package starts no processes, and limits nothing but memory.
package cgroup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/userns"
)

// prefix begins the names of our folders.
const prefix = "shbuild-"

// Group is a cgroup with a limit.
type Group struct {
	dir   string
	v2    bool
	lock  *os.File // the folder
	procs *os.File
}

// New makes a group whose processes together may have so many bytes of memory, and nothing in swap. Close must be
// called. An *Error says why this process can have no group, and what to do about it. It is a sandbox.Limiter.
func New(memory int64) (sandbox.Group, error) {
	p, err := ownParent()
	if err != nil {
		return nil, err
	}
	g, err := p.group()
	if err != nil {
		return nil, &Error{Err: err, v2: p.v2}
	}
	if err := g.limit(memory); err != nil {
		return nil, errors.Join(&Error{Err: err, v2: p.v2}, g.remove())
	}
	return g, nil
}

// group makes an empty group.
func (p *parent) group() (*Group, error) {
	for {
		dir := filepath.Join(p.dir, prefix+strings.ToLower(rand.Text()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, told("make a cgroup", err)
		}
		g := &Group{dir: dir, v2: p.v2}
		ours, err := g.take()
		if err != nil {
			return nil, errors.Join(err, g.remove())
		}
		if ours {
			return g, nil
		}
		// Somebody who cleans up came between the two.
	}
}

// take locks a new group's folder and opens it; false: it has been removed meanwhile.
func (g *Group) take() (bool, error) {
	var err error
	if g.lock, err = os.Open(g.dir); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, told("open the cgroup", err)
	}
	if err := flock(g.lock, unix.LOCK_SH); err != nil {
		return false, told("lock the cgroup", err)
	}
	g.procs, err = os.OpenFile(filepath.Join(g.dir, "cgroup.procs"), os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		g.lock.Close()
		return false, nil
	}
	if err != nil {
		return false, told("open the cgroup", err)
	}
	return true, nil
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}

// Procs is the group's file cgroup.procs, open for writing: whoever writes a process's number there puts it into the
// group, and what it starts from then on.
func (g *Group) Procs() *os.File { return g.procs }

// Admit lets in the processes of a user namespace below this one. In cgroups of version 1 nobody but the host's root puts
// another user's processes into one: the file becomes that user's, who has to open it anew.
func (g *Group) Admit(root *userns.Root) error {
	if g.v2 {
		return nil
	}
	uid, _ := userns.There{Root: root}.UID(0)
	if err := g.procs.Chown(uid, -1); err != nil {
		return &Error{Err: told("give the cgroup to user "+strconv.Itoa(root.Host), err)}
	}
	return nil
}

// Usage tells how many of the group's processes the kernel has killed because the limit was reached, and the most
// memory, in bytes, that all together had; 0: this kernel does not tell.
func (g *Group) Usage() (killed int, peak int64) {
	if g.v2 {
		return int(line(g.path("memory.events"), "oom_kill")), number(g.path("memory.peak"))
	}
	return int(line(g.path("memory.oom_control"), "oom_kill")), number(g.path("memory.max_usage_in_bytes"))
}

func (g *Group) path(name string) string { return filepath.Join(g.dir, name) }

// Close removes the group, whose processes must have ended.
func (g *Group) Close() error { return g.remove() }

// remove removes the folder. The kernel may take a moment to see that its last process is gone.
func (g *Group) remove() error {
	for _, f := range []*os.File{g.procs, g.lock} {
		if f != nil {
			f.Close()
		}
	}
	for wait := time.Millisecond; ; wait *= 2 {
		err := unix.Rmdir(g.dir)
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if err != unix.EBUSY || wait > time.Second {
			return told("remove the cgroup", err)
		}
		time.Sleep(wait)
	}
}

// collect removes the groups below a folder whose makers are dead.
func collect(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = unix.Rmdir(f.Name()) // one with processes stays
		}
		f.Close()
	}
}

// told says what was being done.
func told(what string, err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("%s: %w", what, err)
}
