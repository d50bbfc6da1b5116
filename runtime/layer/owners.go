package layer

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// Owners say what becomes of the owners of files, by their ids in this user namespace. False is an id that has no
// place where the files go.
type Owners interface {
	UID(id int) (int, bool)
	GID(id int) (int, bool)
}

// Reown gives the entries of a layer's folder, and itself, other owners. Modes and capabilities stay, which chown(2)
// drops; capabilities become this namespace's, whosever they were. Nobody may use the folder meanwhile, and one that
// is left half done cannot be mended.
func Reown(ctx context.Context, dir string, o Owners) error {
	fd, err := openat(unix.AT_FDCWD, dir, openFolder, 0)
	if err != nil {
		return fmt.Errorf("open the layer %s: %w", dir, err)
	}
	defer unix.Close(fd)
	r := &reowner{owners: o, seen: map[inode]bool{}}
	if err := r.entry(fd, "."); err != nil {
		return &EntryError{Op: "change the owner of", Name: "/", Err: err}
	}
	return r.folder(ctx, fd, "")
}

// reowner is one Reown.
type reowner struct {
	owners Owners
	seen   map[inode]bool // files with several names
}

func (r *reowner) folder(ctx context.Context, fd int, at string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	names, err := namesIn(fd)
	if err != nil {
		return &EntryError{Op: "read", Name: "/" + at, Err: err}
	}
	for _, name := range names {
		if err := r.entry(fd, name); err != nil {
			return &EntryError{Op: "change the owner of", Name: "/" + path.Join(at, name), Err: err}
		}
		sub, err := openat(fd, name, openFolder, 0)
		if err == unix.ENOTDIR || err == unix.ELOOP {
			continue
		}
		if err == nil {
			err = r.folder(ctx, sub, path.Join(at, name))
			unix.Close(sub)
		}
		if err != nil {
			return entryError(path.Join(at, name), err)
		}
	}
	return nil
}

// entry gives one entry its owner, once, however many names it has.
func (r *reowner) entry(dir int, name string) error {
	st, err := lstatat(dir, name)
	if err != nil || isWhiteout(dir, name, &st) {
		return err
	}
	if id := (inode{st.Dev, st.Ino}); st.Nlink > 1 && !isDir(&st) {
		if r.seen[id] {
			return nil
		}
		r.seen[id] = true
	}
	uid, gid, err := ownerFor(&st, r.owners)
	if err != nil {
		return err
	}
	var caps []byte
	if isRegular(&st) {
		if caps, err = capability(dir, name); err != nil {
			return fmt.Errorf("read its capabilities: %w", err)
		}
	}
	same := uid == int(st.Uid) && gid == int(st.Gid)
	if !same {
		if err := unix.Fchownat(dir, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		if st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 && !isSymlink(&st) {
			if err := unix.Fchmodat(dir, name, st.Mode&0o7777, 0); err != nil {
				return err
			}
		}
	}
	if own := ownCapability(caps); len(own) > 0 && (!same || len(own) != len(caps)) {
		if err := unix.Lsetxattr(procPath(dir, name), xattrCapability, own, 0); err != nil {
			return fmt.Errorf("set its capabilities: %w", err)
		}
	}
	return nil
}

// ownerFor is the new owner of an entry.
func ownerFor(st *unix.Stat_t, o Owners) (uid, gid int, err error) {
	uid, ok := o.UID(int(st.Uid))
	if !ok {
		return 0, 0, fmt.Errorf("it belongs to user %d, who does not exist under USERNS", st.Uid)
	}
	if gid, ok = o.GID(int(st.Gid)); !ok {
		return 0, 0, fmt.Errorf("it belongs to group %d, which does not exist under USERNS", st.Gid)
	}
	return uid, gid, nil
}

// ownCapability makes of what capability read what is to be set in this namespace's name: what was set in another one's
// reads as version 3, with the number of its root behind it (vfs_ns_cap_data in linux/capability.h).
func ownCapability(caps []byte) []byte {
	const revision, version2, size2 = 0xff000000, 0x02000000, 20
	if len(caps) < size2 {
		return nil
	}
	own := bytes.Clone(caps[:size2])
	binary.LittleEndian.PutUint32(own, binary.LittleEndian.Uint32(caps)&^revision|version2)
	return own
}
