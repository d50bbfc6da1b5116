package image

import (
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
)

// Compression is how a layer's tar is compressed.
type Compression string

const (
	Gzip         Compression = "gzip" // what every tool reads
	Zstd         Compression = "zstd" // smaller and faster; OCI only
	Uncompressed Compression = "none"
)

// MediaType is the OCI media type of a layer compressed so.
func (c Compression) MediaType() types.MediaType {
	switch c {
	case Zstd:
		return types.OCILayerZStd
	case Uncompressed:
		return types.OCIUncompressedLayer
	}
	return types.OCILayer
}

// gzipBlock is how many bytes one goroutine compresses at a time. The output depends on it, and
// so do the digests of all layers: it stays as it is.
const gzipBlock = 1 << 20

// CheckLevel refuses a level that a compression does not have.
func (c Compression) CheckLevel(level int) error {
	top := map[Compression]int{Gzip: gzip.BestCompression, Zstd: 22}[c]
	switch {
	case top == 0:
		return errors.New("what is not compressed has no level")
	case level < 0 || level > top:
		return fmt.Errorf("the levels of %s are 0 to %d", c, top)
	}
	return nil
}

// Compress gives a writer that compresses into w. The output depends on the input only. It must
// be closed, to write its end and to let its goroutines go; w stays open.
func Compress(w io.Writer, c Compression) (io.WriteCloser, error) {
	return CompressLevel(w, c, nil)
}

// CompressLevel is Compress with a level of the compression's own; nil: the usual one.
func CompressLevel(w io.Writer, c Compression, level *int) (io.WriteCloser, error) {
	switch c {
	case Gzip:
		if level == nil {
			level = new(int)
			*level = gzipLevel
		}
		z, err := pgzip.NewWriterLevel(w, *level)
		if err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
		if err := z.SetConcurrency(gzipBlock, runtime.GOMAXPROCS(0)); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
		return z, nil
	case Zstd:
		speed := zstd.SpeedDefault
		if level != nil {
			speed = zstd.EncoderLevelFromZstd(*level)
		}
		z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(speed))
		if err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
		return z, nil
	case Uncompressed:
		return plainWriter{w}, nil
	}
	return nil, fmt.Errorf("compress: unknown compression %q", string(c))
}

const gzipLevel = 5

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }
