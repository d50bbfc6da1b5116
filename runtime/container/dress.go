package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// clothes are what a root file system wears for the time of a run, where nothing can be mounted on it: what a mount
// would cover is moved away, and what it would show is moved or made there. All of it is undone by folder handles and
// inode numbers once every process of the run is gone: the program may have renamed folders and planted links.
//
// Unlike mounts they cannot be read-only, and a program can remove them. What is moved back is what is still there.
type clothes struct {
	rootfs string
	away   string // what was covered
	worn   []cover
	times  map[inode]*times // of folders that things were put into
}

// times are a folder's times of change: before anything of ours, and after the last of it. A folder that a program has
// changed has a later one.
type times struct {
	before, ours unix.Timespec
	made         bool // something was made where nothing was: that shows in the time, as in BuildKit
}

// cover is one thing that was put in place.
type cover struct {
	parent  *os.File
	name    string
	id      inode
	times   *times   // the parent's
	covered string   // what was there, in the folder away; empty: nothing was
	from    string   // where it was moved from, and goes again; empty: it was made, and is removed
	home    *os.File // the folder of from: a program that has a mount around it may put a link in the path
	target  string   // of what was moved: its path in the root file system
	stub    bool     // a folder that was missing: it goes when it is empty
	keep    bool     // it stays unless the run failed to begin: it is empty, and BuildKit leaves it in images
}

// dress puts on what a run needs.
func dress(spec *sandbox.Spec, rootfs string) (_ *clothes, err error) {
	c := &clothes{rootfs: rootfs, away: filepath.Join(spec.StateDir, spec.ID+".away"), times: map[inode]*times{}}
	if err := os.Mkdir(c.away, 0o700); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.off(true))
		}
	}()
	for _, name := range kept {
		if err := c.makeMissing(name); err != nil {
			return nil, err
		}
	}
	if err := c.device(); err != nil {
		return nil, err
	}
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the name servers: %w", err)
	}
	for name, text := range map[string][]byte{"/etc/resolv.conf": resolvConf(resolv, servers(spec)), "/etc/hosts": hosts(spec)} {
		if err := c.put(name, false, func(path string) error { return writeFile(path, text, 0o644) }); err != nil {
			return nil, err
		}
	}
	for _, m := range spec.Mounts {
		if err := c.mount(m); err != nil {
			return nil, fmt.Errorf("put %s in place: %w", m.Target, err)
		}
	}
	return c, nil
}

// mount does what can be done of a mount.
func (c *clothes) mount(m sandbox.Mount) error {
	target := filepath.Clean(m.Target)
	if !filepath.IsAbs(m.Target) || target == "/" {
		return fmt.Errorf("%q is not an absolute path below /", m.Target)
	}
	if m.Type == "tmpfs" {
		mode := fs.FileMode(0o777) | fs.ModeSticky
		if path, err := securejoin.SecureJoin(c.rootfs, target); err == nil {
			if fi, err := os.Lstat(path); err == nil { // a fresh tmpfs has the mode of its mount point
				mode = fi.Mode() &^ fs.ModeType
			}
		}
		for _, o := range m.Options {
			if text, ok := strings.CutPrefix(o, "mode="); ok {
				n, err := strconv.ParseUint(text, 8, 12)
				if err != nil {
					return fmt.Errorf("mode=%s is no mode", text)
				}
				mode = fs.FileMode(n & 0o777)
			}
		}
		return c.put(target, true, func(path string) error { return makeDir(path, mode) })
	}
	return c.move(m.Source, target)
}

// nodes are the devices of a container, with the links that go with them. Without a /proc some lead nowhere.
var nodes = []struct {
	name         string
	major, minor uint32
}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}}

// device makes /dev.
func (c *clothes) device() error {
	return c.put("/dev", true, func(dev string) error {
		if err := makeDir(dev, 0o755); err != nil {
			return err
		}
		for _, n := range nodes {
			path := filepath.Join(dev, n.name)
			if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(n.major, n.minor))); err != nil {
				return &chrootError{
					fmt.Sprintf("make the device /dev/%s: %v", n.name, err),
					"the container needs CAP_MKNOD, and a state folder (--root) that is not mounted nodev",
				}
			}
			if err := os.Chmod(path, 0o666); err != nil {
				return err
			}
		}
		for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
			if err := os.Symlink(to, filepath.Join(dev, name)); err != nil {
				return err
			}
		}
		return errors.Join(makeDir(filepath.Join(dev, "pts"), 0o755), makeDir(filepath.Join(dev, "mqueue"), 0o777|fs.ModeSticky), makeDir(filepath.Join(dev, "shm"), 0o777|fs.ModeSticky))
	})
}

// makeMissing makes a folder that stays, if it is not there.
func (c *clothes) makeMissing(name string) error {
	if path, err := securejoin.SecureJoin(c.rootfs, name); err != nil {
		return err
	} else if _, err := os.Lstat(path); err == nil {
		return nil
	}
	err := c.put(name, true, func(path string) error { return makeDir(path, 0o755) })
	c.worn[len(c.worn)-1].keep, c.worn[len(c.worn)-1].stub = true, true
	return err
}

// put makes something at a path of the root file system, in the place of what is there. It is gone with the run.
func (c *clothes) put(target string, folder bool, make func(path string) error) error {
	w, err := c.clear(target, folder)
	if err != nil {
		return err
	}
	path := w.path()
	err = make(path)
	if serr := w.note(); err == nil {
		err = serr
	}
	c.worn = append(c.worn, w)
	return err
}

// move moves a file or folder to a path of the root file system, in the place of what is there, for the time of the
// run.
func (c *clothes) move(source, target string) error {
	for i := range c.worn {
		if w := &c.worn[i]; w.from == source && w.target != "" { // it is there already, by another name
			return c.put(target, false, func(path string) error { return os.Symlink(w.target, path) })
		}
	}
	fi, err := os.Lstat(source)
	if err != nil {
		return err
	}
	w, err := c.clear(target, fi.IsDir())
	if err != nil {
		return err
	}
	w.home, err = os.OpenFile(filepath.Dir(source), unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err == nil {
		err = unix.Renameat(int(w.home.Fd()), filepath.Base(source), int(w.parent.Fd()), w.name)
	}
	if err == nil {
		w.from, w.target = source, target
		err = w.note()
	}
	c.worn = append(c.worn, w)
	if errors.Is(err, unix.EXDEV) {
		return errors.New("it is on another file system than the state folder, and nothing can be mounted")
	}
	return err
}

// clear makes room at a path: what is there is moved away, folders that are missing above it are made.
func (c *clothes) clear(target string, folder bool) (w cover, err error) {
	path, err := securejoin.SecureJoin(c.rootfs, target)
	if err != nil {
		return w, err
	}
	if path == c.rootfs {
		return w, errors.New("it is the root folder")
	}
	parent := filepath.Dir(path)
	if _, err := os.Lstat(parent); errors.Is(err, fs.ErrNotExist) {
		above := strings.TrimPrefix(parent, c.rootfs)
		if err := c.put(above, true, func(path string) error { return makeDir(path, 0o755) }); err != nil {
			return w, err
		}
		c.worn[len(c.worn)-1].stub = true
	}
	w.name = filepath.Base(path)
	if w.parent, err = os.OpenFile(parent, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0); err != nil {
		return w, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(w.parent.Fd()), &st); err != nil {
		return w, err
	}
	if w.times = c.times[inode{st.Dev, st.Ino}]; w.times == nil {
		w.times = &times{before: st.Mtim}
		c.times[inode{st.Dev, st.Ino}] = w.times
	}
	if _, err := os.Lstat(path); err == nil {
		w.covered = filepath.Join(c.away, strconv.Itoa(len(c.worn)))
		if err := os.Rename(path, w.covered); err != nil {
			return w, err
		}
	} else {
		w.times.made = true
	}
	return w, nil
}

func (w *cover) path() string { return fmt.Sprintf("/proc/self/fd/%d/%s", w.parent.Fd(), w.name) }

// note remembers what was put.
func (w *cover) note() error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(w.parent.Fd()), w.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	w.id = inode{st.Dev, st.Ino}
	if err := unix.Fstat(int(w.parent.Fd()), &st); err != nil {
		return err
	}
	w.times.ours = st.Mtim
	return nil
}

// off takes everything off, the last first; what is to be kept only with all.
func (c *clothes) off(all bool) error {
	var errs []error
	for i := range slices.Backward(c.worn) {
		w := &c.worn[i]
		if !w.keep || all {
			errs = append(errs, w.off())
		}
		w.parent.Close()
		w.home.Close()
	}
	c.worn = nil
	return errors.Join(append(errs, os.RemoveAll(c.away))...)
}

func (w *cover) off() error {
	fd := int(w.parent.Fd())
	var now, st unix.Stat_t
	if err := unix.Fstat(fd, &now); err != nil {
		return err
	}
	err := unix.Fstatat(fd, w.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	ours := err == nil && (inode{st.Dev, st.Ino}) == w.id
	switch {
	case ours && w.from != "":
		err = unix.Renameat(fd, w.name, int(w.home.Fd()), filepath.Base(w.from))
	case ours && w.stub:
		if err = unix.Unlinkat(fd, w.name, unix.AT_REMOVEDIR); errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
			err = nil // the program has put something into it
		}
	case ours:
		err = os.RemoveAll(w.path())
	case errors.Is(err, unix.ENOENT):
		err = nil
	}
	if err != nil {
		return fmt.Errorf("take %s away again: %w", w.name, err)
	}
	if w.covered != "" && now.Nlink > 0 { // else the program has removed the folder itself
		if !ours && st.Ino != 0 {
			return nil // the program has put something else there: that stays
		}
		if err := unix.Renameat(unix.AT_FDCWD, w.covered, fd, w.name); err != nil {
			return fmt.Errorf("put %s back: %w", w.name, err)
		}
	}
	if now.Mtim == w.times.ours && !w.times.made {
		now.Mtim, w.times.ours = w.times.before, w.times.before
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), []unix.Timespec{now.Atim, now.Mtim}, 0)
}

func makeDir(path string, mode fs.FileMode) error {
	return errors.Join(os.Mkdir(path, mode.Perm()), os.Chmod(path, mode)) // whatever the umask
}

func writeFile(path string, text []byte, mode fs.FileMode) error {
	return errors.Join(os.WriteFile(path, text, mode), os.Chmod(path, mode))
}
