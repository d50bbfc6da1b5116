package layer

import (
	"context"
	"errors"
	"io"
	"time"
)

// WriteOptions change what [Write] writes.
type WriteOptions struct {
	// Epoch, if not nil, is the latest modification time that an entry may
	// have; later ones become it (SOURCE_DATE_EPOCH with rewrite-timestamp).
	Epoch *time.Time
}

// Write writes the tar of a layer's folder.
func Write(ctx context.Context, w io.Writer, upper string, lowers []string, o WriteOptions) error {
	return errors.ErrUnsupported
}
