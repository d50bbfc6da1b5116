package layer

import (
	"archive/tar"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// paxXattr begins the keys of the PAX records that hold extended attributes.
const paxXattr = "SCHILY.xattr."

// fileAttributes sets all but the times of an open file or folder. The order
// matters: chown takes setuid bits and capabilities away. What was made just now,
// in a folder that does not hand its group down, is this process's already.
func (a *applier) fileAttributes(hdr *tar.Header, fd int, anybodys bool) error {
	if anybodys || hdr.Uid != a.uid || hdr.Gid != a.gid {
		if err := owner.Set(fd, hdr.Uid, hdr.Gid); err != nil {
			if err := a.ownerError(hdr, err); err != nil {
				return err
			}
		}
	}
	if err := unix.Fchmod(fd, uint32(hdr.Mode&0o7777)); err != nil {
		return err
	}
	for _, key := range xattrs(hdr) {
		if err := a.xattr(hdr, fd, key); err != nil {
			return err
		}
	}
	return nil
}

// attributes finishes an entry that cannot be opened, if making it succeeded.
func (a *applier) attributes(hdr *tar.Header, in *folder, name string, err error) error {
	if err != nil {
		return err
	}
	if err := owner.SetAt(in.fd, name, hdr.Uid, hdr.Gid); err != nil {
		if err := a.ownerError(hdr, err); err != nil {
			return err
		}
	}
	if hdr.Typeflag != tar.TypeSymlink {
		if err := unix.Fchmodat(in.fd, name, uint32(hdr.Mode&0o7777), 0); err != nil {
			return err
		}
	}
	for _, key := range xattrs(hdr) {
		a.skip(hdr, key+": only files and folders can have it")
	}
	times := timesOf(hdr)
	return unix.UtimesNanoAt(in.fd, name, times[:], unix.AT_SYMLINK_NOFOLLOW)
}

// xattrs are the keys of an entry's extended attributes, in order.
func xattrs(hdr *tar.Header) []string {
	if len(hdr.PAXRecords) == 0 {
		return nil
	}
	var keys []string
	for _, record := range slices.Sorted(maps.Keys(hdr.PAXRecords)) {
		if key, ok := strings.CutPrefix(record, paxXattr); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// xattr sets one extended attribute. Capabilities must succeed, since programs
// do not work without them; others are left out where they cannot be had.
func (a *applier) xattr(hdr *tar.Header, fd int, key string) error {
	switch {
	case strings.HasPrefix(key, xattrOverlay):
		a.skip(hdr, key+": has a meaning to overlayfs")
		return nil
	case owner.Attr(key), strings.HasPrefix(key, "trusted."):
		a.skip(hdr, key+": not for a layer to set")
		return nil
	case key == xattrCapability && hdr.Typeflag == tar.TypeDir:
		a.skip(hdr, key+": only files can have it")
		return nil
	}
	err := unix.Fsetxattr(fd, key, []byte(hdr.PAXRecords[paxXattr+key]), 0)
	if err == nil || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return err
	}
	if key == xattrCapability {
		return fmt.Errorf("set its capabilities: %w", err)
	}
	a.skip(hdr, fmt.Sprintf("%s: %v", key, err))
	return nil
}

// ownerError explains why an owner cannot be set. One that the file system cannot keep is left out.
func (a *applier) ownerError(hdr *tar.Header, err error) error {
	if errors.Is(err, owner.ErrNotKept) {
		a.skip(hdr, fmt.Sprintf("owner %d:%d: %v", hdr.Uid, hdr.Gid, err))
		return nil
	}
	if !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("set its owner to %d:%d: %w", hdr.Uid, hdr.Gid, err)
	}
	return &EntryError{
		Op: "unpack", Name: hdr.Name,
		Err:    fmt.Errorf("its owner %d:%d is outside the ids that this user may use", hdr.Uid, hdr.Gid),
		Advice: "give the user a larger range in /etc/subuid and /etc/subgid (usermod --add-subuids … --add-subgids …), or build as root",
	}
}
