package rootfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// rootMark is the attribute of a tree's top folder that says which user of the host the tree's root is, where
// that is not the caller of the build. A tree that is being changed has "changing" there.
const (
	rootMark = "user.shbuild.root"
	changing = "changing"
)

// Reown gives a tree's files to the ids that they have in this user namespace, if the tree was made in one with
// another root (userns.EnterAs): there, root and the caller had other places, and every other id the same.
// Nobody may use the tree meanwhile. Modes and capabilities are kept, which chown(2) drops.
func Reown(tree string) error {
	r, err := newReowning(tree)
	if err != nil || r == nil {
		return err
	}
	if err := unix.Setxattr(tree, rootMark, []byte(changing), 0); err != nil {
		return &Error{
			Op: "mark " + tree + " with its owner", Err: err,
			advice: "the file system has no extended attributes for users: put the tree on ext4, xfs or btrfs",
		}
	}
	if err := filepath.WalkDir(tree, r.entry); err != nil {
		return fmt.Errorf("change the owners in %s: %w", tree, err)
	}
	if err := unix.Setxattr(tree, rootMark, []byte(strconv.Itoa(r.root)), 0); err != nil {
		return fmt.Errorf("mark %s with its owner: %w", tree, err)
	}
	return nil
}

// reowning is one Reown.
type reowning struct {
	root      int // the host's id of this namespace's root
	now, then int // the ids that change places with 0: in this namespace, in the tree's
	seen      map[[2]uint64]bool
}

// newReowning compares the tree's namespace with this one; nil: they are the same.
func newReowning(tree string) (*reowning, error) {
	r := &reowning{seen: map[[2]uint64]bool{}}
	var err error
	if r.root, err = userns.Host(0); err != nil {
		return nil, err
	}
	if r.now, err = userns.Caller(); err != nil {
		return nil, err
	}
	caller, err := userns.Host(r.now)
	if err != nil {
		return nil, err
	}
	made := caller
	buf := make([]byte, 64)
	switch n, err := unix.Getxattr(tree, rootMark, buf); {
	case err == unix.ENODATA || err == unix.ENOTSUP:
	case err != nil:
		return nil, fmt.Errorf("read the owner of %s: %w", tree, err)
	case string(buf[:n]) == changing:
		return nil, &Error{
			Op: "use " + tree, Err: errors.New("a change of its owners was interrupted"),
			advice: "make the tree anew",
		}
	default:
		if made, err = strconv.Atoi(string(buf[:n])); err != nil {
			return nil, fmt.Errorf("read the owner of %s: %w", tree, err)
		}
	}
	if made == r.root {
		return nil, nil
	}
	if made != caller {
		if r.then, err = userns.FromHost(made); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// exchange lets 0 and an id change places.
func exchange(id, with int) int {
	switch id {
	case 0:
		return with
	case with:
		return 0
	}
	return id
}

// entry gives one entry its new owner, once, however many names it has.
func (r *reowning) entry(path string, _ fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if id := [2]uint64{st.Dev, st.Ino}; st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if r.seen[id] {
			return nil
		}
		r.seen[id] = true
	}
	owner := exchange(exchange(int(st.Uid), r.now), r.then)
	if owner == int(st.Uid) {
		return nil
	}
	caps := make([]byte, 64)
	n, err := unix.Lgetxattr(path, capabilityXattr, caps)
	if err != nil {
		n = 0
	}
	if err := unix.Lchown(path, owner, int(st.Gid)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil
	}
	if err := unix.Chmod(path, st.Mode&0o7777); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if n < capabilityV2 {
		return nil
	}
	if err := unix.Lsetxattr(path, capabilityXattr, withoutRoot(caps[:n]), 0); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

const (
	capabilityXattr = "security.capability"
	capabilityV2    = 20 // bytes
)

// withoutRoot makes version 2 of a file's capabilities (vfs_ns_cap_data in linux/capability.h): the kernel notes
// this namespace's root by itself when they are set.
func withoutRoot(caps []byte) []byte {
	const revision, version2 = 0xff000000, 0x02000000
	caps = caps[:capabilityV2]
	magic := binary.LittleEndian.Uint32(caps)
	binary.LittleEndian.PutUint32(caps, magic&^revision|version2)
	return caps
}
