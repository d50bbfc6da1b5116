package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// copier copies trees. Names are the user's; c.Path is where they lead.
type copier struct {
	c         *applet.Call
	recursive bool
	force     bool // a target that cannot be opened is removed first
	keep      bool // mode, owner, times, and what keepAll adds
	keepAll   bool // hard links and extended attributes
	noClobber bool
	update    bool // only where the source is newer
	verbose   bool
	follow    follow

	linked map[inode]string // first copy of a file that has several names
	made   map[inode]bool   // folders made by this copy, so as not to copy one into itself
}

// follow says which symbolic links are copied as what they lead to.
type follow int

const (
	followNone follow = iota
	followNamed
	followAll
)

type inode struct{ dev, ino uint64 }

func inodeOf(info fs.FileInfo) inode {
	st := sysStat(info)
	return inode{uint64(st.Dev), st.Ino}
}

func cp(c *applet.Call) error {
	o, err := c.Options("a,archive d f,force H L,dereference P,no-dereference n,no-clobber p R,r,recursive " +
		"T,no-target-directory t,target-directory: u,update v,verbose parents preserve::")
	if err != nil {
		return err
	}
	preserve := o.Get("preserve")
	cp := &copier{
		c: c, recursive: o.Has("R") || o.Has("a"), force: o.Has("f"),
		keep: o.Has("a") || o.Has("p") || o.Has("preserve"), keepAll: o.Has("a") || o.Has("d") || preserve == "all",
		noClobber: o.Has("n"), update: o.Has("u"), verbose: o.Has("v"), follow: followAll,
	}
	switch preserve {
	case "", "all", "mode,ownership,timestamps", "mode,timestamps,ownership":
	default:
		return applet.Usagef("--preserve=%s is not known; only all, and mode,ownership,timestamps", preserve)
	}
	switch {
	case o.Has("L"):
	case o.Has("H"):
		cp.follow = followNamed
	case cp.recursive || o.Has("P") || o.Has("d"):
		cp.follow = followNone
	}
	sources, target, into, err := targets(c, o, false)
	if err != nil {
		return err
	}
	for _, src := range sources {
		dst := target
		if o.Has("parents") {
			if !into {
				return applet.At("with --parents the target '"+target+"'", errNotADir)
			}
			dst = join(target, strings.TrimLeft(src, "/"))
			if err := os.MkdirAll(c.Path(filepath.Dir(dst)), 0o777); err != nil {
				return applet.At(filepath.Dir(dst), err)
			}
		} else if into {
			dst = join(target, base(src))
		}
		cp.copy(src, dst, true)
	}
	return nil
}

// copy copies one file or tree; what fails is reported and the rest goes on. It reports
// whether all went well.
func (cp *copier) copy(src, dst string, named bool) bool {
	info, err := os.Lstat(cp.c.Path(src))
	if err == nil && info.Mode()&fs.ModeSymlink != 0 && (cp.follow == followAll || cp.follow == followNamed && named) {
		info, err = os.Stat(cp.c.Path(src))
	}
	if err != nil {
		cp.c.Warn(applet.At(fmt.Sprintf("cannot stat '%s'", src), err))
		return false
	}
	if info.IsDir() {
		return cp.dir(src, dst, info)
	}
	skip, err := cp.unwanted(info, dst)
	if err == nil && !skip {
		err = cp.file(src, dst, info)
	}
	if err != nil {
		cp.c.Warn(err)
	} else if cp.verbose && !skip {
		fmt.Fprintf(cp.c.Stdout, "'%s' -> '%s'\n", src, dst)
	}
	return err == nil
}

// unwanted tells whether what stands at the target already is to stay.
func (cp *copier) unwanted(info fs.FileInfo, dst string) (bool, error) {
	old, err := os.Lstat(cp.c.Path(dst))
	if err != nil {
		return false, nil
	}
	if target, err := os.Stat(cp.c.Path(dst)); err == nil && os.SameFile(info, target) && !os.SameFile(info, old) {
		old = target
	}
	switch {
	case cp.noClobber, cp.update && !info.ModTime().After(old.ModTime()):
		return true, nil
	case os.SameFile(info, old):
		return false, applet.At(dst, errSameFile)
	case old.IsDir():
		return false, fmt.Errorf("cannot overwrite directory '%s' with non-directory", dst)
	}
	return false, nil
}

func (cp *copier) dir(src, dst string, info fs.FileInfo) bool {
	c := cp.c
	if !cp.recursive {
		c.Warn(fmt.Errorf("%w '%s'", errOmitDir, src))
		return false
	}
	if cp.made[inodeOf(info)] {
		c.Warn(fmt.Errorf("cannot copy a directory, '%s', into itself", src))
		return false
	}
	err := os.Mkdir(c.Path(dst), info.Mode().Perm()|0o700)
	fresh := err == nil
	switch {
	case errors.Is(err, fs.ErrExist) && !isDir(c.Path(dst)):
		c.Warn(fmt.Errorf("cannot overwrite non-directory '%s' with directory '%s'", dst, src))
		return false
	case err != nil && !errors.Is(err, fs.ErrExist):
		c.Warn(applet.At(fmt.Sprintf("cannot create directory '%s'", dst), err))
		return false
	}
	if made, err := os.Stat(c.Path(dst)); err == nil && fresh {
		if cp.made == nil {
			cp.made = map[inode]bool{}
		}
		cp.made[inodeOf(made)] = true
	}
	if cp.verbose && fresh {
		fmt.Fprintf(c.Stdout, "'%s' -> '%s'\n", src, dst)
	}
	entries, err := os.ReadDir(c.Path(src))
	good := err == nil
	if err != nil {
		c.Warn(applet.At(src, err))
	}
	for _, e := range entries {
		good = cp.copy(join(src, e.Name()), join(dst, e.Name()), false) && good
	}
	switch {
	case cp.keep:
		err = cp.attributes(src, dst, info)
	case fresh:
		err = os.Chmod(c.Path(dst), info.Mode().Perm()&^os.FileMode(c.Umask))
	}
	if err != nil {
		c.Warn(err)
	}
	return good && err == nil
}

func (cp *copier) file(src, dst string, info fs.FileInfo) error {
	from, to := cp.c.Path(src), cp.c.Path(dst)
	if cp.keepAll && sysStat(info).Nlink > 1 {
		if first, ok := cp.linked[inodeOf(info)]; ok {
			if err := remove(to); err != nil {
				return applet.At(dst, err)
			}
			return applet.At(dst, os.Link(first, to))
		}
		if cp.linked == nil {
			cp.linked = map[inode]string{}
		}
		cp.linked[inodeOf(info)] = to
	}
	var err error
	switch kind := info.Mode().Type(); {
	case kind == 0 || !cp.recursive && kind != fs.ModeSymlink:
		err = cp.content(from, to, info)
	case kind == fs.ModeSymlink:
		if err = remove(to); err != nil {
			break
		}
		var target string
		if target, err = os.Readlink(from); err == nil {
			err = os.Symlink(target, to)
		}
	default:
		if err = remove(to); err == nil {
			st := sysStat(info)
			err = unix.Mknod(to, st.Mode&^uint32(cp.c.Umask), int(st.Rdev))
		}
	}
	if err != nil {
		return applet.At(fmt.Sprintf("cannot create '%s'", dst), err)
	}
	if cp.keep {
		return cp.attributes(src, dst, info)
	}
	return nil
}

// content copies a file's bytes. A target that exists keeps its mode and is written through
// links, as cp does.
func (cp *copier) content(from, to string, info fs.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	out, err := os.OpenFile(to, flags, info.Mode().Perm())
	if err != nil && cp.force && remove(to) == nil {
		out, err = os.OpenFile(to, flags, info.Mode().Perm())
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// attributes gives the target the source's owner, mode and times; owner first, as a change of
// it drops setuid bits and capabilities. Only root may give files away: for others the owner
// stays, and then setuid goes.
func (cp *copier) attributes(src, dst string, info fs.FileInfo) error {
	to, st := cp.c.Path(dst), sysStat(info)
	bits := st.Mode & 0o7777
	if err := os.Lchown(to, int(st.Uid), int(st.Gid)); err != nil {
		if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EINVAL) {
			return applet.At(fmt.Sprintf("cannot preserve ownership of '%s'", dst), err)
		}
		bits &= 0o1777
	}
	if cp.keepAll {
		copyXattrs(cp.c.Path(src), to)
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		if err := unix.Chmod(to, bits); err != nil {
			return applet.At(fmt.Sprintf("cannot preserve the mode of '%s'", dst), err)
		}
	}
	return applet.At(fmt.Sprintf("cannot preserve the times of '%s'", dst),
		lutimes(to, time.Unix(st.Atim.Unix()), time.Unix(st.Mtim.Unix())))
}

// lutimes sets times without following links. A zero time is left as it is.
func lutimes(path string, atime, mtime time.Time) error {
	spec := func(t time.Time) unix.Timespec {
		if t.IsZero() {
			return unix.Timespec{Nsec: unix.UTIME_OMIT}
		}
		ts, _ := unix.TimeToTimespec(t)
		return ts
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{spec(atime), spec(mtime)}, unix.AT_SYMLINK_NOFOLLOW)
}

// copyXattrs copies what extended attributes the target takes; some, as security labels, are
// not the user's to set, and cp -a does not fail for them.
func copyXattrs(from, to string) {
	size, err := unix.Llistxattr(from, nil)
	if err != nil || size == 0 {
		return
	}
	names := make([]byte, size)
	if size, err = unix.Llistxattr(from, names); err != nil {
		return
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names[:size]), "\x00"), "\x00") {
		value := make([]byte, 64<<10)
		if n, err := unix.Lgetxattr(from, name, value); err == nil {
			unix.Lsetxattr(to, name, value[:n], 0)
		}
	}
}
