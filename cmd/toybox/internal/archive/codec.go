package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// codec is a form of compression.
type codec string

const (
	none  codec = ""
	gz    codec = "gzip"
	bz2   codec = "bzip2"
	zst   codec = "zstd"
	xzFmt codec = "xz"
)

// magics are the first bytes of each.
var magics = []struct {
	start string
	codec codec
}{
	{"\x1f\x8b", gz}, {"BZh", bz2}, {"\x28\xb5\x2f\xfd", zst}, {"\xfd7zXZ\x00", xzFmt},
}

// suffixes are what file names end with.
var suffixes = []struct {
	end   string
	codec codec
}{
	{".gz", gz}, {".tgz", gz}, {".bz2", bz2}, {".tbz2", bz2}, {".tbz", bz2},
	{".zst", zst}, {".tzst", zst}, {".xz", xzFmt}, {".txz", xzFmt},
}

// detect looks at the start of a stream without taking it.
func detect(r *bufio.Reader) codec {
	start, _ := r.Peek(6)
	for _, m := range magics {
		if bytes.HasPrefix(start, []byte(m.start)) {
			return m.codec
		}
	}
	return none
}

func byName(name string) codec {
	for _, s := range suffixes {
		if strings.HasSuffix(name, s.end) {
			return s.codec
		}
	}
	return none
}

// reader unpacks a stream.
func (c codec) reader(r io.Reader) (io.ReadCloser, error) {
	switch c {
	case none:
		return io.NopCloser(r), nil
	case gz:
		zr, err := gzip.NewReader(r)
		if err != nil {
			return nil, notIn(gz, err)
		}
		return zr, nil
	case bz2:
		return io.NopCloser(bzip2.NewReader(r)), nil
	case zst:
		// One goroutine and a bound on memory: an archive comes from anywhere.
		zr, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return zr.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("%s cannot be unpacked here", c)
}

func notIn(c codec, err error) error {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.EOF) {
		return fmt.Errorf("not in %s format", c)
	}
	return err
}

// writer packs a stream. Level is 1 to 9.
func (c codec) writer(w io.Writer, level int) (io.WriteCloser, error) {
	switch c {
	case none:
		return nopWriteCloser{w}, nil
	case gz:
		return gzip.NewWriterLevel(w, level)
	}
	return nil, fmt.Errorf("%s cannot be written here, only gzip", c)
}

type nopWriteCloser struct{ io.Writer }

func (nopWriteCloser) Close() error { return nil }
