package layer

import (
	"context"
	"errors"
	"io"
)

// Applied is what [Apply] has to say about a layer.
type Applied struct {
	// Implied are the folders that entries of the tar stand in and that are
	// no entries themselves, as paths below the layer's folder, sorted:
	// what [Adopt] wants.
	Implied []string
	// Skipped are the entries, or attributes of entries, that were left out.
	Skipped []Skipped
}

// Skipped is something in a layer's tar that the layer's folder does not hold.
type Skipped struct {
	Name   string // the entry
	Reason string // "device 1:3: …"
}

// Apply unpacks an uncompressed layer tar into an empty folder.
func Apply(ctx context.Context, r io.Reader, dir string) (Applied, error) {
	return Applied{}, errors.ErrUnsupported
}

// Adopt gives a layer's implied folders the attributes of those below.
func Adopt(dir string, implied, lowers []string) error {
	return errors.ErrUnsupported
}
