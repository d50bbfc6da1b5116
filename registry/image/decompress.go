package image

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory that a zstd frame may ask for: `zstd --ultra -22` needs this much.
const maxWindow = 128 << 20

// Decompress gives the tar of a layer. What it is compressed by is seen from its first bytes:
// as Docker and containerd do, it takes any of the three whatever the media type says, because
// such images are about. It refuses a media type that is not a layer's, and content that is neither
// compressed nor a tar.
//
// Close frees the decompressor; r stays open. The reader should be read to io.EOF: only then has
// r been too.
func Decompress(r io.Reader, mediaType types.MediaType) (io.ReadCloser, error) {
	if mediaType != "" && mediaType != dockerZstd && !mediaType.IsLayer() {
		return nil, &NotLayer{MediaType: mediaType}
	}
	source := &source{from: r}
	buffered := bufio.NewReaderSize(source, 128<<10)
	start, err := buffered.Peek(tarBlock)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, gzipMagic):
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return &format{z, "gzip", source}, nil
	case bytes.HasPrefix(start, zstdMagic) || isSkippable(start):
		z, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return &format{z.IOReadCloser(), "zstd", source}, nil
	case isTar(start):
		return io.NopCloser(buffered), nil
	}
	return nil, &Unreadable{MediaType: mediaType, Start: bytes.Clone(start[:min(len(start), 32)])}
}

const tarBlock = 512 // bytes

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// isSkippable finds a skippable zstd frame (RFC 8878, 3.1.2), with which pzstd begins.
func isSkippable(start []byte) bool {
	return len(start) >= 4 && start[0]&0xf0 == 0x50 && bytes.Equal(start[1:4], []byte{0x2a, 0x4d, 0x18})
}

// isTar knows POSIX and GNU headers by their magic, a V7 header by its name and checksum
// fields, and the empty tar, which is zeros or nothing at all.
func isTar(start []byte) bool {
	if len(start) == 0 {
		return true
	}
	if len(start) < tarBlock {
		return false
	}
	if bytes.Equal(start[257:262], []byte("ustar")) || bytes.Count(start, []byte{0}) == tarBlock {
		return true
	}
	var sum int64
	for i, b := range start {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int64(b)
	}
	var found int64
	for _, b := range bytes.Trim(start[148:156], " \x00") {
		if b < '0' || b > '7' {
			return false
		}
		found = found<<3 | int64(b-'0')
	}
	return found == sum
}

// source remembers how reading the compressed bytes failed: a decompressor may hide it.
type source struct {
	from io.Reader
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// format adds the format's name to errors of the content, and to no others.
type format struct {
	io.ReadCloser
	name   string
	source *source
}

func (f *format) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case f.source.err != nil:
		return n, f.source.err
	case err == io.ErrUnexpectedEOF:
		return n, fmt.Errorf("%s: the content is cut off: %w", f.name, err)
	}
	return n, fmt.Errorf("%s: %w", f.name, err)
}

// Unreadable says that a layer's content is not what a layer can be.
type Unreadable struct {
	MediaType types.MediaType
	Start     []byte // its first bytes
}

func (e *Unreadable) Error() string {
	return fmt.Sprintf("layer of media type %q is neither gzip, zstd nor tar: it begins with %q", e.MediaType, e.Start)
}

// Hint says where to look.
func (e *Unreadable) Hint() string {
	return "the registry, or a proxy on the way, may have sent something else; see whether another tool can pull the image"
}
