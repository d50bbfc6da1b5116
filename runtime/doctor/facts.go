package doctor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/cgroup"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/rootfs"
	"github.com/shbuild/shbuild/runtime/userns"
)

// Facts are what was seen.
type Facts struct {
	Place     Place           `json:"place"`
	Program   string          `json:"program"` // the file that is running
	Isolation isolation.Facts `json:"isolation"`
	State     State           `json:"state"`
	Pasta     string          `json:"pasta,omitempty"`       // its path; empty: not installed
	Slirp     string          `json:"slirp4netns,omitempty"` // its path
	Tun       Trial           `json:"tun"`                   // opening /dev/net/tun

	Memory Trial `json:"memory"` // a cgroup for MEM, seen from inside where there is one

	// Those from inside the build's namespaces; absent where there are none.
	IDs     string `json:"ids,omitempty"`
	Overlay *Trial `json:"overlay,omitempty"` // stacking folders of the state's file system, without changes
}

// State is the folder in which images, layers and cache are kept.
type State struct {
	Dir        string `json:"dir"`
	At         string `json:"at"` // it, or what there is of it
	Filesystem string `json:"filesystem"`
	Writable   bool   `json:"writable"`
	Attributes bool   `json:"attributes"` // files can have extended attributes
	NoDev      bool   `json:"nodev,omitempty"`
	Free       uint64 `json:"free"` // bytes, for this user
	Size       uint64 `json:"size"`
	FreeFiles  uint64 `json:"freeFiles"`
	Files      uint64 `json:"files"` // 0: the file system does not count them
}

// Trial is how something went.
type Trial struct {
	OK     bool   `json:"ok"`
	Error  string `json:"error,omitempty"`
	Advice string `json:"advice,omitempty"`
}

// Look gathers the facts that show outside. It tries the namespaces, see [isolation.Look].
func Look(state string) Facts {
	f := Facts{Place: here(), Isolation: isolation.Look(), State: lookAt(state), Tun: opens("/dev/net/tun"), Memory: *trial(cgroup.Look())}
	f.Program, _ = os.Executable()
	f.Pasta, _ = exec.LookPath("pasta")
	f.Slirp, _ = exec.LookPath("slirp4netns")
	return f
}

// LookInside adds the facts that only show in the build's namespaces. It covers up parts of the file system of the
// mount namespace that it is called in.
func (f *Facts) LookInside() {
	f.IDs = userns.Mode()
	f.Memory = *trial(cgroup.Look())
	f.Overlay = trial(rootfs.Try(f.State.At))
}

func trial(err error) *Trial {
	if err == nil {
		return &Trial{OK: true}
	}
	t := Trial{Error: err.Error()}
	var advised interface{ Hint() string }
	if errors.As(err, &advised) {
		t.Advice = advised.Hint()
	}
	return &t
}

// opens tries to open a device. This one does nothing before it is asked to by an ioctl.
func opens(device string) Trial {
	file, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return *trial(err)
	}
	file.Close()
	return Trial{OK: true}
}

func lookAt(dir string) State {
	s := State{Dir: dir, At: dir}
	for s.At != "/" {
		if _, err := os.Stat(s.At); err == nil {
			break
		}
		s.At = filepath.Dir(s.At)
	}
	s.Filesystem = filesystem(s.At)
	s.Writable = unix.Faccessat(unix.AT_FDCWD, s.At, unix.W_OK|unix.X_OK, unix.AT_EACCESS) == nil
	_, err := unix.Getxattr(s.At, "user.shbuild", nil)
	s.Attributes = err == nil || errors.Is(err, unix.ENODATA)
	var st unix.Statfs_t
	if unix.Statfs(s.At, &st) == nil {
		s.Free, s.Size = st.Bavail*uint64(st.Bsize), st.Blocks*uint64(st.Bsize)
		s.NoDev = st.Flags&unix.ST_NODEV != 0
		s.FreeFiles, s.Files = st.Ffree, st.Files
	}
	return s
}

// filesystem names the kind of file system that a folder is on; empty if /proc does not tell.
func filesystem(dir string) string {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		real = dir
	}
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(real))
	if err != nil {
		return ""
	}
	kind, longest := "", -1
	for _, m := range mounts { // of several at one place the last is seen
		if n := len(strings.TrimSuffix(m.Mountpoint, "/")); n >= longest {
			kind, longest = m.FSType, n
		}
	}
	return kind
}
