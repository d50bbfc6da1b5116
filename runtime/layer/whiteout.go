package layer

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// How a layer's tar says that something below it is gone (OCI image
// specification, "Whiteouts").
const (
	whiteoutPrefix = ".wh."
	metaPrefix     = whiteoutPrefix + whiteoutPrefix
	opaqueMarker   = metaPrefix + ".opq"
)

// isMeta says whether a name is one of AUFS's own, or stands in such a folder.
func isMeta(name string) bool {
	if !strings.Contains(name, metaPrefix) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, metaPrefix) && part != opaqueMarker {
			return true
		}
	}
	return false
}

// whiteout deletes what the layers below have under a name. An entry of that
// name in this layer stays, since a whiteout is only about the layers below.
func whiteout(in *folder, name string) error {
	if name == "" || name == "." || name == ".." {
		return fmt.Errorf("%w: it deletes %q", ErrFormat, name)
	}
	err := unix.Mknodat(in.fd, name, unix.S_IFCHR, 0)
	if err == unix.EPERM {
		err = markedWhiteout(in.fd, name)
	}
	if err == unix.EEXIST {
		st, err := lstatat(in.fd, name)
		if err != nil || !isDir(&st) {
			return err
		}
		return setOpaque(in.fd, name)
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) {
		return &EntryError{
			Op: "unpack the deletion of", Name: path.Join(in.path, name), Err: err,
			Advice: "the state folder must be on a file system with extended attributes for users: choose one with --root or SHBUILD_ROOT",
		}
	}
	return err
}

// markedWhiteout is the form of a whiteout for file systems that have no such devices, as a container's root, which is
// an overlay itself. Overlayfs looks for it in folders with the mark "x".
func markedWhiteout(dir int, name string) error {
	fd, err := openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fsetxattr(fd, xattrWhiteout, []byte("y"), 0); err != nil {
		_ = unix.Unlinkat(dir, name, 0)
		return err
	}
	if hides, err := isOpaque(dir); err != nil || hides {
		return err
	}
	return unix.Fsetxattr(dir, xattrOpaque, []byte("x"), 0)
}
