package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path"

	"golang.org/x/sys/unix"
)

// create makes an entry, replacing what stands in its place. Only a folder on
// a folder does not: that one gets the new attributes.
func (a *applier) create(ctx context.Context, hdr *tar.Header, in *folder, name string) error {
	if hdr.Uid < 0 || hdr.Gid < 0 || int64(hdr.Uid) >= math.MaxUint32 || int64(hdr.Gid) >= math.MaxUint32 {
		return fmt.Errorf("%w: owner %d:%d", ErrFormat, hdr.Uid, hdr.Gid) // -1 would mean: leave it as it is
	}
	switch hdr.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return a.regular(ctx, hdr, in, name)
	case tar.TypeDir:
		return a.directory(hdr, in, name)
	case tar.TypeSymlink:
		err := a.replacing(in, name, func() error { return unix.Symlinkat(hdr.Linkname, in.fd, name) })
		return a.attributes(hdr, in, name, err)
	case tar.TypeLink:
		return a.link(hdr, in, name)
	case tar.TypeFifo:
		err := a.replacing(in, name, func() error { return unix.Mknodat(in.fd, name, unix.S_IFIFO|0o600, 0) })
		return a.attributes(hdr, in, name, err)
	case tar.TypeChar, tar.TypeBlock:
		return a.device(hdr)
	}
	return fmt.Errorf("%w: unknown type %q", ErrFormat, hdr.Typeflag)
}

// replacing calls make, and again without what stood in its way.
func (a *applier) replacing(in *folder, name string, make func() error) error {
	err := ignoringEINTR(make)
	if err != unix.EEXIST {
		return err
	}
	a.stale = true
	if err := removeAt(in.fd, name); err != nil {
		return err
	}
	return ignoringEINTR(make)
}

func (a *applier) regular(ctx context.Context, hdr *tar.Header, in *folder, name string) error {
	fd := -1
	err := a.replacing(in, name, func() (err error) {
		fd, err = unix.Openat(in.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	if err = a.content(ctx, fd, hdr); err == nil {
		err = a.fileAttributes(hdr, fd, in.setgid)
	}
	if err == nil {
		times := timesOf(hdr)
		err = unix.UtimesNanoAt(fd, "", times[:], unix.AT_EMPTY_PATH)
	}
	if cerr := unix.Close(fd); err == nil {
		err = cerr
	}
	return err
}

// sparseBlock is the size of the pieces of a sparse file that can be holes.
const sparseBlock = 64 << 10

// content copies a file's bytes. In a sparse file, blocks of zeros stay holes.
func (a *applier) content(ctx context.Context, fd int, hdr *tar.Header) error {
	buf, sparse := a.buf, isSparse(hdr)
	if sparse {
		buf = buf[:sparseBlock]
		if err := unix.Ftruncate(fd, hdr.Size); err != nil {
			return err
		}
	}
	for left := hdr.Size; left > 0; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		b := buf[:min(left, int64(len(buf)))]
		if _, err := io.ReadFull(a.tar, b); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return &readError{err}
		}
		left -= int64(len(b))
		var err error
		if sparse && isZero(b) {
			_, err = unix.Seek(fd, int64(len(b)), io.SeekCurrent)
		} else {
			err = writeAll(fd, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isSparse says whether a file is in one of the sparse formats (GNU's three);
// package tar reads holes as zeros.
func isSparse(hdr *tar.Header) bool {
	if hdr.Typeflag == tar.TypeGNUSparse {
		return true
	}
	_, major := hdr.PAXRecords["GNU.sparse.major"]
	_, old := hdr.PAXRecords["GNU.sparse.map"]
	return major || old
}

// isZero says whether all of b, which is not empty, is zero.
func isZero(b []byte) bool {
	return b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}

func (a *applier) directory(hdr *tar.Header, in *folder, name string) error {
	err := unix.Mkdirat(in.fd, name, 0o700)
	if err == unix.EEXIST {
		err = a.existing(in, name)
	}
	if err != nil {
		return err
	}
	full := path.Join(in.path, name)
	fd, err := openat(in.fd, name, openFolder, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := a.fileAttributes(hdr, fd, true); err != nil {
		return err
	}
	if hdr.Mode&unix.S_ISGID != 0 {
		a.stale = true // what is cached of the folder does not know
	}
	delete(a.implied, full)
	a.times = append(a.times, folderTime{full, timesOf(hdr)})
	return nil
}

// existing makes sure that what is there is a folder.
func (a *applier) existing(in *folder, name string) error {
	st, err := lstatat(in.fd, name)
	switch {
	case err != nil || isDir(&st):
		return err
	case isWhiteout(in.fd, name, &st):
		return a.replaceWhiteout(in, name)
	}
	return a.replacing(in, name, func() error { return unix.Mkdirat(in.fd, name, 0o700) })
}

// link makes a hard link. A link's own attributes in the tar are those of the
// file, which has them already.
func (a *applier) link(hdr *tar.Header, in *folder, name string) error {
	target := cleanName(hdr.Linkname)
	from, err := a.find(parentOf(target), false)
	if err != nil {
		return linkError(hdr, err)
	}
	base := path.Base(target)
	st, err := lstatat(from.fd, base)
	if err == nil && isWhiteout(from.fd, base, &st) {
		err = unix.ENOENT
	}
	if err == nil && isDir(&st) {
		err = unix.EISDIR
	}
	if err != nil {
		return linkError(hdr, err)
	}
	if there, err := lstatat(in.fd, name); err == nil && there.Ino == st.Ino && there.Dev == st.Dev {
		return nil
	}
	err = a.replacing(in, name, func() error { return unix.Linkat(from.fd, base, in.fd, name, 0) })
	if err != nil {
		return linkError(hdr, err)
	}
	return nil
}

func linkError(hdr *tar.Header, err error) error {
	e := &EntryError{Op: "unpack", Name: hdr.Name}
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		e.Err = fmt.Errorf("it is a hard link to %s, which this layer does not hold", shorten(hdr.Linkname))
		e.Advice = "the image is broken: a hard link must lead to an earlier entry of its own layer"
	case errors.Is(err, unix.EISDIR):
		e.Err = fmt.Errorf("it is a hard link to %s, a folder", shorten(hdr.Linkname))
		e.Advice = "the image is broken: a hard link cannot lead to a folder"
	default:
		e.Err = fmt.Errorf("hard link to %s: %w", shorten(hdr.Linkname), err)
	}
	return e
}

// device leaves a device node out. In a user namespace the kernel makes none; where there is none (a chroot, as root)
// it would, and a RUN could open the host's disk by a node that a base image brings.
func (a *applier) device(hdr *tar.Header) error {
	if hdr.Devmajor < 0 || hdr.Devmajor > math.MaxUint32 || hdr.Devminor < 0 || hdr.Devminor > math.MaxUint32 {
		return fmt.Errorf("%w: device %d:%d", ErrFormat, hdr.Devmajor, hdr.Devminor)
	}
	if hdr.Typeflag == tar.TypeChar && hdr.Devmajor == 0 && hdr.Devminor == 0 {
		a.skip(hdr, "device 0:0: means a deleted file to overlayfs")
	} else {
		a.skip(hdr, fmt.Sprintf("device %d:%d: a build makes no devices", hdr.Devmajor, hdr.Devminor))
	}
	return nil
}
