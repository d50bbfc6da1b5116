package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// header begins the header of an entry; the type is still to be set.
func (d *differ) header(name string, st *unix.Stat_t) *tar.Header {
	mtime := time.Unix(st.Mtim.Sec, st.Mtim.Nsec)
	if d.epoch != nil && (d.uniform || mtime.After(*d.epoch)) {
		mtime = *d.epoch
	}
	return &tar.Header{
		Name: name,
		Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid),
		ModTime: mtime.Truncate(time.Second),
		Format:  tar.FormatPAX,
	}
}

// file writes the entry of anything but a folder.
func (d *differ) file(ctx context.Context, in *changed, name string, st *unix.Stat_t) error {
	full := path.Join(in.path, name)
	hdr := d.header(full, st)
	if err := d.describe(hdr, in, name, st); err != nil {
		return err
	}
	if st.Nlink > 1 {
		id := inode{st.Dev, st.Ino}
		if first, ok := d.links[id]; ok {
			hdr.Typeflag, hdr.Linkname, hdr.Size = tar.TypeLink, first, 0
		} else {
			d.links[id] = full
		}
	}
	if err := d.folderEntry(in); err != nil {
		return err
	}
	if err := d.out.WriteHeader(hdr); err != nil {
		return err
	}
	if hdr.Typeflag != tar.TypeReg || hdr.Size == 0 {
		return nil
	}
	return d.content(ctx, in, name, hdr.Size)
}

// describe fills in what depends on the kind of file.
func (d *differ) describe(hdr *tar.Header, in *changed, name string, st *unix.Stat_t) (err error) {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		hdr.Typeflag, hdr.Size = tar.TypeReg, st.Size
		caps, err := capability(in.fd, name)
		if err != nil {
			return fmt.Errorf("read its capabilities: %w", err)
		}
		if len(caps) > 0 {
			hdr.PAXRecords = map[string]string{paxXattr + xattrCapability: string(caps)}
		}
	case unix.S_IFLNK:
		hdr.Typeflag = tar.TypeSymlink
		hdr.Linkname, err = readlinkat(in.fd, name)
	case unix.S_IFIFO:
		hdr.Typeflag = tar.TypeFifo
	case unix.S_IFCHR:
		hdr.Typeflag = tar.TypeChar
	case unix.S_IFBLK:
		hdr.Typeflag = tar.TypeBlock
	default:
		err = errors.New("a file of unknown type")
	}
	if hdr.Typeflag == tar.TypeChar || hdr.Typeflag == tar.TypeBlock {
		hdr.Devmajor, hdr.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
	}
	return err
}

// content copies a file's bytes, exactly as many as its header says.
func (d *differ) content(ctx context.Context, in *changed, name string, size int64) error {
	fd, err := openat(in.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for size > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := unix.Read(fd, d.buf[:min(size, int64(len(d.buf)))])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("it became shorter while it was read: %w", io.ErrUnexpectedEOF)
		}
		if _, err := d.out.Write(d.buf[:n]); err != nil {
			return err
		}
		size -= int64(n)
	}
	return nil
}

// whiteout writes that something below is deleted.
func (d *differ) whiteout(in *changed, name string) error {
	if err := d.folderEntry(in); err != nil {
		return err
	}
	return d.out.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg,
		Name:     path.Join(in.path, whiteoutPrefix+name),
		ModTime:  time.Unix(0, 0),
	})
}
