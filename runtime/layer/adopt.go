package layer

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// Adopt settles what a freshly unpacked layer has to take from the layers
// below it, whose folders lowers lists, the topmost first. Implied folders (see
// [Applied]) get the owner, mode, times and extended attributes of the folder
// that they are merged with; those that are merged with none keep root's
// ownership, mode 0755 and the time 0. In a layer that hides all below its root,
// which overlayfs cannot express, every entry below gets its own whiteout.
//
// The lower folders must have been settled before. Doing it again changes
// nothing.
func Adopt(dir string, implied, lowers []string) error {
	t, err := openTree(dir)
	if err != nil {
		return err
	}
	defer t.close()
	under, err := openBelow(lowers)
	if err != nil {
		return err
	}
	defer under.close()
	hides, err := isOpaque(t.root.fd)
	if err != nil {
		return fmt.Errorf("read the attributes of %s: %w", dir, err)
	}
	if hides {
		return hideAll(t.root.fd, under)
	}
	// From the deepest up, since nothing here changes what is above, and a
	// folder's time stays.
	for _, name := range slices.Backward(slices.Sorted(slices.Values(implied))) {
		if err := adopt(t, under, name); err != nil {
			return &EntryError{Op: "adopt the attributes of", Name: name, Err: err}
		}
	}
	return nil
}

// adopt finds the folder that one implied folder is merged with, and copies
// its attributes.
func adopt(t *tree, under below, name string) error {
	t.settle()
	own := t.root
	var opened []below
	defer func() {
		for _, b := range opened {
			b.close()
		}
	}()
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		at = path.Join(at, part)
		sub, err := under.enter(part)
		if err != nil {
			return err
		}
		opened = append(opened, sub)
		if own, err = t.find(at, false); err != nil {
			return err
		}
		hides, err := isOpaque(own.fd)
		if err != nil {
			return err
		}
		if hides || len(sub) == 0 {
			return nil
		}
		under = sub
	}
	return copyAttributes(own.fd, under[0])
}

// copyAttributes makes one open folder look like another.
func copyAttributes(to, from int) error {
	var st unix.Stat_t
	if err := unix.Fstat(from, &st); err != nil {
		return err
	}
	owner.LookupFd(from, &st)
	if err := owner.Set(to, int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, owner.ErrNotKept) {
		return err
	}
	if err := unix.Fchmod(to, st.Mode&0o7777); err != nil {
		return err
	}
	if err := copyXattrs(to, from); err != nil {
		return err
	}
	tv := []unix.Timespec{st.Atim, st.Mtim}
	return unix.UtimesNanoAt(to, "", tv, unix.AT_EMPTY_PATH)
}

func copyXattrs(to, from int) error {
	if n, err := unix.Flistxattr(from, nil); n == 0 || err == unix.ENOTSUP {
		return nil
	}
	return copySomeXattrs(to, from)
}

func copySomeXattrs(to, from int) error {
	var list [64 << 10]byte // the most that the kernel gives
	n, err := unix.Flistxattr(from, list[:])
	if err == unix.ENOTSUP {
		return nil
	}
	if err != nil {
		return err
	}
	var value [64 << 10]byte
	for key := range strings.SplitSeq(string(list[:n]), "\x00") {
		if key == "" || strings.HasPrefix(key, xattrOverlay) || strings.HasPrefix(key, "trusted.") {
			continue
		}
		n, err := unix.Fgetxattr(from, key, value[:])
		if err == nil {
			err = unix.Fsetxattr(to, key, value[:n], 0)
		}
		// What a security module gives, it gives to the new folder as well.
		if err != nil && !strings.HasPrefix(key, "security.") {
			return fmt.Errorf("copy the attribute %s: %w", key, err)
		}
	}
	return nil
}

// hideAll hides every entry below a root: overlayfs always merges the roots.
func hideAll(root int, under below) error {
	names, err := under.names()
	if err != nil {
		return err
	}
	in := &folder{fd: root}
	for name := range names {
		if err := whiteout(in, name); err != nil {
			return &EntryError{Op: "unpack the deletion of", Name: name, Err: err}
		}
	}
	return nil
}
