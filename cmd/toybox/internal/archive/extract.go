package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// unpacker puts members of an archive into a folder.
type unpacker struct {
	c       *applet.Call
	dir     string // as the process finds it
	keepOld bool
	touch   bool
	owners  bool
	numeric bool
	modes   bool // as the archive has them, whatever the umask
	links   links
	folders map[string]made // whose mode and times are set in the end
}

// made is a folder and what it was then: by the end its name may lead elsewhere.
type made struct {
	header *tar.Header
	info   fs.FileInfo
}

// extract is -x for one member.
func (a *archiver) extract(tr *tar.Reader, h *tar.Header) error {
	name := a.stripped(h.Name)
	if name == "" {
		return nil
	}
	if a.o.Has("O") {
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		_, err := io.Copy(a.c.Stdout, tr)
		return err
	}
	if a.o.Has("v") {
		fmt.Fprintln(a.c.Stdout, h.Name)
	}
	copied := *h
	copied.Name = name
	if h.Typeflag == tar.TypeLink {
		copied.Linkname = a.stripped(h.Linkname)
	}
	return a.unpacker.member(tr, &copied)
}

// stripped is a member's name without --strip-components of its elements, or "".
func (a *archiver) stripped(name string) string {
	if a.strip == 0 {
		return name
	}
	elems := slices.DeleteFunc(strings.Split(name, "/"), func(elem string) bool { return elem == "" })
	if len(elems) <= a.strip {
		return ""
	}
	return strings.Join(elems[a.strip:], "/")
}

func (a *archiver) newUnpacker() *unpacker {
	root := os.Geteuid() == 0
	dir := ""
	for _, folder := range a.o.All("C") {
		dir = under(dir, folder)
	}
	if dir == "" {
		dir = "."
	}
	return &unpacker{
		c: a.c, dir: a.c.Path(dir), keepOld: a.o.Has("k"), touch: a.o.Has("m"),
		owners:  (root || a.o.Has("same-owner")) && !a.o.Has("o"),
		modes:   (root || a.o.Has("p")) && !a.o.Has("no-same-permissions"),
		numeric: a.o.Has("numeric-owner"),
		folders: map[string]made{},
	}
}

var errOutside = errors.New("the name leads out of the folder; it is left out")

// inside makes a member's name one that is relative and stays in the folder.
func inside(name string) (string, error) {
	name = strings.TrimLeft(name, "/")
	if slices.Contains(strings.Split(name, "/"), "..") {
		return "", errOutside
	}
	return path.Clean("./" + name), nil
}

func (u *unpacker) member(content io.Reader, h *tar.Header) error {
	name, err := inside(h.Name)
	if err != nil {
		return err
	}
	file := u.dir + "/" + name
	if h.Typeflag == tar.TypeDir {
		return u.folder(file, h)
	}
	if name == "." {
		return errors.New("a file cannot take the folder's own place")
	}
	if err := u.parents(name); err != nil {
		return err
	}
	if old, err := os.Lstat(file); err == nil {
		switch {
		case u.keepOld:
			return syscall.EEXIST
		case old.IsDir():
			return syscall.EISDIR
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	u.links.forget(file)
	return u.create(content, file, h)
}

// parents makes the folders that a member's name needs and the archive may not hold.
func (u *unpacker) parents(name string) error {
	parent := u.dir
	elems := strings.Split(name, "/")
	for _, elem := range elems[:len(elems)-1] {
		parent += "/" + elem
		err := os.Mkdir(parent, 0o777)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

func (u *unpacker) folder(file string, h *tar.Header) error {
	name, _ := inside(h.Name)
	if err := u.parents(name); err != nil {
		return err
	}
	err := os.Mkdir(file, 0o700)
	if errors.Is(err, fs.ErrExist) {
		info, statErr := os.Stat(file)
		switch {
		case statErr == nil && info.IsDir() && u.keepOld:
			return nil
		case statErr == nil && info.IsDir():
			err = nil
		case !u.keepOld:
			// Something else has its place: a file, or a link of this archive.
			if err = os.Remove(file); err == nil {
				u.links.forget(file)
				err = os.Mkdir(file, 0o700)
			}
		}
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	u.folders[file] = made{h, info}
	return err
}

func (u *unpacker) create(content io.Reader, file string, h *tar.Header) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return u.regular(content, file, h)
	case tar.TypeSymlink:
		return u.links.add(u, file, h)
	case tar.TypeLink:
		return u.hardLink(file, h)
	case tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		kind := map[byte]uint32{tar.TypeFifo: unix.S_IFIFO, tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK}[h.Typeflag]
		dev := unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
		if err := unix.Mknod(file, kind|0o600, int(dev)); err != nil {
			return err
		}
		return u.attributes(file, h)
	}
	return fmt.Errorf("unknown kind of member '%c'", h.Typeflag)
}

func (u *unpacker) regular(content io.Reader, file string, h *tar.Header) error {
	// O_EXCL: what stood here is gone, and nothing that came since is written to.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return u.attributes(file, h)
}

func (u *unpacker) hardLink(file string, h *tar.Header) error {
	name, err := inside(h.Linkname)
	if err != nil {
		return err
	}
	target := u.dir + "/" + name
	if pending, ok := u.links.pending[target]; ok {
		return u.links.add(u, file, pending.header)
	}
	return os.Link(target, file)
}

// attributes sets owner, mode and times; the owner first, as a change of it drops setuid.
func (u *unpacker) attributes(file string, h *tar.Header) error {
	bits := uint32(h.Mode) & 0o7777
	if u.owners {
		uid, gid := u.owner(h)
		if err := os.Lchown(file, uid, gid); err != nil {
			return err
		}
	}
	if !u.modes {
		bits &= 0o777 &^ uint32(u.c.Umask)
	}
	if h.Typeflag != tar.TypeSymlink {
		if err := unix.Chmod(file, bits); err != nil {
			return err
		}
	}
	if u.touch {
		return nil
	}
	mtime, _ := unix.TimeToTimespec(h.ModTime)
	now, _ := unix.TimeToTimespec(time.Now())
	return unix.UtimesNanoAt(unix.AT_FDCWD, file, []unix.Timespec{now, mtime}, unix.AT_SYMLINK_NOFOLLOW)
}

// owner is who a member belongs to: by name if the name is known here, else by number.
func (u *unpacker) owner(h *tar.Header) (uid, gid int) {
	uid, gid = h.Uid, h.Gid
	if u.numeric {
		return uid, gid
	}
	if found, err := user.Lookup(h.Uname); err == nil && h.Uname != "" {
		if n, err := strconv.Atoi(found.Uid); err == nil {
			uid = n
		}
	}
	if found, err := user.LookupGroup(h.Gname); err == nil && h.Gname != "" {
		if n, err := strconv.Atoi(found.Gid); err == nil {
			gid = n
		}
	}
	return uid, gid
}

// finish makes the links that were put off, and gives folders their modes and times, which
// would not have lasted or would have been in the way before.
func (u *unpacker) finish() {
	u.links.finish(u)
	names := make([]string, 0, len(u.folders))
	for name := range u.folders {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Backward(names) {
		folder := u.folders[name]
		if info, err := os.Stat(name); err != nil || !os.SameFile(info, folder.info) {
			continue
		}
		if err := u.attributes(name, folder.header); err != nil {
			u.c.Warn(applet.At(folder.header.Name, err))
		}
	}
}
