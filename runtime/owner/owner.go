// Package owner gives files owners and says whose they are, also where this process cannot give them away.
//
// A process with one user id, or without CAP_CHOWN, owns every file that it makes. There the owner that a file is
// meant to have is kept in extended attributes, which overlayfs carries along when it copies a file up:
//
//	user.shbuild.owner      of a file or folder: "UID:GID"
//	user.shbuild.links      of a folder: the owner of the links, fifos and devices in it, which can have no
//	                        attributes of that kind
//	user.shbuild.link.NAME  of a folder: the owner of one that has another
//
// Whose file has none is root's. Where owners can be given, the package does what chown(2) and stat(2) do, and no more.
//
// What cannot be kept: owners that a program changes itself, since it believes to have done so. A link that a program
// makes in a folder has the owner of the folder's links.
package owner

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/sys/capability"
	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

const (
	attrOwner = "user.shbuild.owner"
	attrLinks = "user.shbuild.links"
	attrLink  = "user.shbuild.link."
)

// Attr says whether an extended attribute is one of this package's.
func Attr(name string) bool { return strings.HasPrefix(name, "user.shbuild.") }

// Kept says whether owners are kept in attributes in this process.
var Kept = sync.OnceValue(func() bool {
	caps, err := capability.NewPid2(0)
	if err == nil {
		err = caps.Load()
	}
	if err == nil && !caps.Get(capability.EFFECTIVE, capability.CAP_CHOWN) {
		return true
	}
	uids, err := user.CurrentProcessUIDMap()
	return err == nil && len(uids) == 1 && uids[0].Count == 1
})

// OfNew is the owner that a new file has by itself, where its folder does not hand its group down.
func OfNew() (uid, gid int) {
	if Kept() {
		return 0, 0
	}
	return unix.Geteuid(), unix.Getegid()
}

// Set gives an open file or folder, which is not open by O_PATH, an owner. Like chown(2) it takes setuid bits and
// capabilities away.
func Set(fd, uid, gid int) error {
	if !Kept() {
		return unix.Fchown(fd, uid, gid)
	}
	if noChange(uid) || noChange(gid) {
		var st unix.Stat_t
		LookupFd(fd, &st)
		uid, gid = changed(uid, st.Uid), changed(gid, st.Gid)
	}
	if uid == 0 && gid == 0 {
		return ignoring(unix.Fremovexattr(fd, attrOwner))
	}
	return explained(unix.Fsetxattr(fd, attrOwner, text(uid, gid), 0))
}

// SetAt gives an entry of an open folder an owner; a link is not followed.
func SetAt(dir int, name string, uid, gid int) error {
	if !Kept() {
		return unix.Fchownat(dir, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
	}
	folder := "/proc/self/fd/" + strconv.Itoa(dir) + "/." // as it is, that is a link
	path := folder + "/" + name
	if noChange(uid) || noChange(gid) {
		var st unix.Stat_t
		if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		Lookup(dir, name, &st)
		uid, gid = changed(uid, st.Uid), changed(gid, st.Gid)
	}
	var err error
	if uid == 0 && gid == 0 {
		err = ignoring(unix.Lremovexattr(path, attrOwner))
	} else {
		err = unix.Lsetxattr(path, attrOwner, text(uid, gid), 0)
	}
	if err != unix.EPERM && err != unix.ENOTSUP {
		return err
	}
	var st unix.Stat_t
	if serr := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); serr != nil || attributable(&st) {
		return explained(err)
	}
	return setLink(folder, name, uid, gid)
}

// noChange says whether an id means, as in chown(2), that the one that is there stays.
func noChange(id int) bool { return uint32(id) == 1<<32-1 }

func changed(id int, now uint32) int {
	if noChange(id) {
		return int(now)
	}
	return id
}

// attributable says whether the kernel gives such a file attributes of users.
func attributable(st *unix.Stat_t) bool {
	kind := st.Mode & unix.S_IFMT
	return kind == unix.S_IFREG || kind == unix.S_IFDIR
}

// setLink keeps the owner of an entry that can have no attribute with its folder.
func setLink(folder, name string, uid, gid int) error {
	want := text(uid, gid)
	all, err := get(folder, attrLinks)
	if all == "" && err == nil && (uid != 0 || gid != 0) {
		if err = unix.Setxattr(folder, attrLinks, want, unix.XATTR_CREATE); err == nil {
			return nil
		}
		if err != unix.EEXIST {
			return explained(err)
		}
		all, err = get(folder, attrLinks) // another one was faster
	}
	if err != nil {
		return explained(err)
	}
	if all == string(want) || all == "" {
		return ignoring(unix.Removexattr(folder, attrLink+name))
	}
	return explained(unix.Setxattr(folder, attrLink+name, want, 0))
}

// Lookup completes what stat(2) said of an entry of an open folder, or of the folder itself (name "."): with the
// owner that it is meant to have.
func Lookup(dir int, name string, st *unix.Stat_t) {
	if !Kept() {
		return
	}
	folder := "/proc/self/fd/" + strconv.Itoa(dir) + "/." // as it is, that is a link
	st.Uid, st.Gid = 0, 0
	if attributable(st) {
		kept, _ := get(folder+"/"+name, attrOwner)
		st.Uid, st.Gid = parse(kept)
		return
	}
	kept, _ := get(folder, attrLink+name)
	if kept == "" {
		kept, _ = get(folder, attrLinks)
	}
	st.Uid, st.Gid = parse(kept)
}

// LookupFd completes what stat(2) said of an open file or folder.
func LookupFd(fd int, st *unix.Stat_t) {
	if !Kept() {
		return
	}
	var buf [24]byte
	n, err := unix.Fgetxattr(fd, attrOwner, buf[:])
	if err != nil {
		n = 0
	}
	st.Uid, st.Gid = parse(string(buf[:n]))
}

// Chown is os.Lchown.
func Chown(path string, uid, gid int) error {
	if !Kept() {
		return os.Lchown(path, uid, gid)
	}
	dir, err := os.Open(parent(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := SetAt(int(dir.Fd()), base(path), uid, gid); err != nil {
		return &os.PathError{Op: "keep the owner of", Path: path, Err: err}
	}
	return nil
}

// Lstat is lstat(2), with the owner that is meant.
func Lstat(path string, st *unix.Stat_t) error {
	if err := unix.Lstat(path, st); err != nil || !Kept() {
		return err
	}
	dir, err := os.Open(parent(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	Lookup(int(dir.Fd()), base(path), st)
	return nil
}

func parent(path string) string {
	if i := strings.LastIndexByte(strings.TrimRight(path, "/"), '/'); i >= 0 {
		return path[:i+1]
	}
	return "."
}

func base(path string) string {
	path = strings.TrimRight(path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

func text(uid, gid int) []byte { return fmt.Appendf(nil, "%d:%d", uint32(uid), uint32(gid)) }

// parse reads an owner; what is none is root.
func parse(kept string) (uid, gid uint32) {
	first, second, ok := strings.Cut(kept, ":")
	u, err1 := strconv.ParseUint(first, 10, 32)
	g, err2 := strconv.ParseUint(second, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, 0
	}
	return uint32(u), uint32(g)
}

// get reads an attribute; empty: there is none.
func get(path, name string) (string, error) {
	var buf [24]byte
	n, err := unix.Lgetxattr(path, name, buf[:])
	switch err {
	case nil:
		return string(buf[:n]), nil
	case unix.ENODATA, unix.ERANGE:
		return "", nil
	}
	return "", err
}

// ignoring takes an attribute that is not there for removed.
func ignoring(err error) error {
	if err == unix.ENODATA || err == unix.ENOTSUP {
		return nil
	}
	return err
}

// ErrNotKept is the error for an owner that the file system has no room for.
var ErrNotKept = errors.New("its owner cannot be kept: the file system has no room for it in extended attributes")

func explained(err error) error {
	switch err {
	case unix.ENOTSUP, unix.ERANGE, unix.E2BIG, unix.ENOSPC, unix.ENAMETOOLONG:
		return ErrNotKept
	}
	return err
}

// Lend gives what lasts no longer than a container to the user of a program in it. Where owners are kept in
// attributes all programs are root's, and nothing needs to be done.
func Lend(path string, uid, gid int) error {
	if Kept() {
		return nil
	}
	return os.Lchown(path, uid, gid)
}
