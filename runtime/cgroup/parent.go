package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// parent is the folder that groups are made in.
type parent struct {
	dir string
	v2  bool
}

// ownParent finds the parent, once. For version 2 it may have to move this process to another cgroup.
var ownParent = sync.OnceValues(func() (*parent, error) {
	h, err := memoryHierarchy()
	if err != nil {
		return nil, &Error{Err: err}
	}
	p := &parent{dir: h.own(), v2: h.v2}
	if h.v2 {
		if p, err = h.delegated(); err != nil {
			return nil, &Error{Err: err, v2: true}
		}
	}
	collect(p.dir)
	return p, nil
})

var (
	errNoHierarchy = errors.New("no cgroups are mounted here")
	errController  = errors.New("the cgroup that this runs in has no memory controller")
)

// hierarchy is a tree of cgroups that is mounted.
type hierarchy struct {
	v2    bool
	mount string // where it is seen
	top   string // the same, to be written to
	path  string // of the cgroup that this process is in, below it
}

func (h *hierarchy) own() string { return filepath.Join(h.top, h.path) }

// memoryHierarchy finds the hierarchy of the memory controller: of version 1 if that has it, else of version 2.
func memoryHierarchy() (*hierarchy, error) {
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return m.FSType != "cgroup2" && !(m.FSType == "cgroup" && slices.Contains(strings.Split(m.VFSOptions, ","), "memory")), false
	})
	if err != nil {
		return nil, fmt.Errorf("find the cgroups: %w", err)
	}
	own, err := ownPaths()
	if err != nil {
		return nil, err
	}
	for _, kind := range []struct{ fs, key string }{{"cgroup", "memory"}, {"cgroup2", ""}} {
		path, there := own[kind.key]
		i := slices.IndexFunc(mounts, func(m *mountinfo.Info) bool { return m.FSType == kind.fs })
		if !there || i < 0 {
			continue
		}
		below, err := filepath.Rel(mounts[i].Root, path)
		if err != nil || strings.HasPrefix(below, "..") {
			return nil, fmt.Errorf("%w: %s is outside of what is mounted", errNoHierarchy, path)
		}
		return &hierarchy{kind.fs == "cgroup2", mounts[i].Mountpoint, writable(mounts[i].Mountpoint), below}, nil
	}
	return nil, errNoHierarchy
}

// ownPaths are the cgroups of this process by their controllers; that of version 2 has none.
func ownPaths() (map[string]string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("find the cgroup: %w", err)
	}
	own := map[string]string{}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			own[controller] = parts[2]
		}
	}
	return own, nil
}

// writable is another way to a mounted hierarchy: the one that is seen is read-only to the containers' makers (package
// container), and theirs is this process's.
func writable(mount string) string {
	fd, err := unix.OpenTree(unix.AT_FDCWD, mount, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return mount
	}
	attr := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	_ = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr) // in a container it may not be ours to change
	return fmt.Sprintf("/proc/self/fd/%d", fd)               // for as long as this process lives
}

// delegated finds the cgroup of version 2 that groups can be made in. Three things stand in the way: it has to belong
// to the caller; the memory controller has to be handed on to what is below it; and then no process may be in it, but
// one level below ("no internal processes").
//
//   - systemd, the user's or root's the system's, makes a scope of its own for this process. That is the best, since
//     the cgroups of its machine are systemd's alone to give away.
//   - A cgroup above the one that this process is in may be such a one.
//   - The one that this process is in becomes one if nobody else is in it: then the processes of this program move to
//     a cgroup below.
func (h *hierarchy) delegated() (*parent, error) {
	scopeErr := h.enterScope()
	if scopeErr == nil {
		return &parent{h.own(), true}, nil
	}
	for above := filepath.Dir(h.path); ; above = filepath.Dir(above) {
		dir := filepath.Join(h.top, above)
		if handsOn(dir) && mine(dir) {
			return &parent{dir, true}, nil
		}
		if above == "." || above == "/" {
			break
		}
	}
	err := h.descend()
	if err != nil && !errors.Is(scopeErr, errNoSystemd) {
		err = fmt.Errorf("%w; %w", scopeErr, err)
	}
	return &parent{h.own(), true}, err
}

// handsOn says whether a cgroup hands the memory controller on.
func handsOn(dir string) bool {
	return slices.Contains(words(filepath.Join(dir, "cgroup.subtree_control")), "memory")
}

// mine says whether a cgroup can be changed: folders made in it, and processes moved about below it.
func mine(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	f.Close()
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK, unix.AT_EACCESS) == nil
}

// descend moves this program's processes from their cgroup to a new one below, and switches the memory controller on
// for what is below.
func (h *hierarchy) descend() error {
	dir := h.own()
	if !slices.Contains(words(filepath.Join(dir, "cgroup.controllers")), "memory") {
		return errController
	}
	collect(dir)
	p := &parent{dir, true}
	leaf, err := p.group()
	if err != nil {
		return err
	}
	// Its lock is kept, and the folder too, in which this process ends.
	if err := h.move(dir, leaf.dir); err != nil {
		return errors.Join(err, h.back(dir, leaf))
	}
	err = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+memory"), 0)
	if errors.Is(err, unix.EBUSY) {
		err = h.occupied()
	}
	if err != nil {
		return errors.Join(told("hand the memory controller on", err), h.back(dir, leaf))
	}
	return nil
}

func (h *hierarchy) occupied() error {
	return fmt.Errorf("the cgroup %s has other processes in it, so nothing below it can be limited", filepath.Join("/", h.path))
}

// move moves the processes of this program from one cgroup to another.
func (h *hierarchy) move(from, to string) error {
	if err := userns.JoinCgroup(h.outside(to)); err != nil && !errors.Is(err, userns.ErrNoOuter) {
		return told("move to a cgroup below", err)
	}
	procs, err := os.OpenFile(filepath.Join(to, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return told("move to a cgroup below", err)
	}
	defer procs.Close()
	if err := join(procs, 0); err != nil {
		return err
	}
	// What was started meanwhile. Processes that this one cannot see, since they are outside, have the number 0.
	for _, pid := range words(filepath.Join(from, "cgroup.procs")) {
		if pid != "0" && descendant(pid) {
			_, _ = procs.WriteString(pid)
		}
	}
	return nil
}

// back undoes descend.
func (h *hierarchy) back(dir string, leaf *Group) error {
	return errors.Join(h.move(leaf.dir, dir), leaf.remove())
}

// outside is the path of a cgroup's folder for a process that has not this one's files.
func (h *hierarchy) outside(dir string) string {
	return h.mount + strings.TrimPrefix(dir, h.top)
}

// descendant says whether a process was started by this program. Where it has a PID namespace all that are seen were.
func descendant(pid string) bool {
	self := strconv.Itoa(os.Getpid())
	for range 100 {
		if pid == self || self == "1" {
			return true
		}
		text, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			return false
		}
		// The name in brackets may hold anything.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 2 || fields[1] == "0" {
			return false
		}
		pid = fields[1]
	}
	return false
}
