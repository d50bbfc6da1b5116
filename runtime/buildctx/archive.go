package buildctx

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/bzip2"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"
)

// errXZ is what an xz archive with filters for machine code or the like gives: our decoder has none of them.
var errXZ = errors.New("is compressed with xz and a filter that ADD cannot undo")

// unpack unpacks the source p if it is a tar archive, compressed or not, and tells whether it was. As in
// BuildKit what counts is whether a tar header can be read, not the name; an archive without entries is
// a file like any other.
func (c *copier) unpack(ctx context.Context, p *place) (bool, error) {
	var st unix.Stat_t
	fd, err := openRegular(p.dir(), p.file, &st)
	if err != nil {
		return false, unreadable(p.path(), err)
	}
	f := os.NewFile(uintptr(fd), p.path())
	defer f.Close()
	r, err := decompress(f)
	if errors.Is(err, errXZ) {
		return false, &Error{
			Path: p.path(), Err: err,
			hint: "compress it with plain xz, gzip or zstd, or COPY it and unpack it in a RUN (tar -xJf)",
		}
	}
	if err != nil {
		return false, nil
	}
	defer r.Close()
	tr := tar.NewReader(r)
	h, err := tr.Next()
	if err != nil {
		return false, nil
	}
	x := &extractor{copier: &copier{Dest: c.Dest, dest: c.dest, opts: c.opts, uid: c.uid, gid: c.gid, covers: true}}
	if x.into, err = x.folderTarget(); err != nil {
		return true, err
	}
	err = x.all(ctx, tr, h)
	return true, cmp.Or(archiveError(p.path(), err), x.release(x.into))
}

// archiveError names the archive that an error comes from, if nothing better was named.
func archiveError(path string, err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e = &Error{Path: path, Err: fmt.Errorf("unpack the archive: %w", err)}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		e.hint = "the archive is damaged or was cut off"
	}
	return e
}

// decompress returns the content of a file that may be compressed, by its first bytes.
func decompress(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, _ := b.Peek(14)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 0x08}):
		return gzip.NewReader(b)
	case bytes.HasPrefix(head, []byte("BZh")):
		return io.NopCloser(bzip2.NewReader(b)), nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		if filtered(head) {
			return nil, errXZ
		}
		z, err := xz.NewReader(b)
		return io.NopCloser(z), err
	case isZstd(head):
		z, err := zstd.NewReader(b, zstd.WithDecoderMaxWindow(1<<27), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(b), nil
}

// isZstd knows a frame and a skippable frame (RFC 8878, section 3).
func isZstd(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	magic := binary.LittleEndian.Uint32(head)
	return magic == 0xfd2fb528 || magic&^0xf == 0x184d2a50
}

// filtered tells of the first bytes of an xz file whether its first block has more than one filter: the last one is
// LZMA2. A block follows the 12 bytes of the stream's header with its own header's size, 0 for none, and its flags.
func filtered(head []byte) bool {
	return len(head) >= 14 && head[12] != 0 && head[13]&3 != 0
}
