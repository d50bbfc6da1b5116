package store

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Tee passes a blob through to its reader and stores it on the way, so that a layer is fetched
// once and unpacked while it comes. The blob is stored when the last byte has been read and
// digest and size were right, and io.EOF is given only then. Otherwise nothing is stored, and the
// error in the place of io.EOF is *WrongDigest or *WrongSize. A negative size is an unknown one.
//
// Close closes r. If not all of the blob was read before, Close says so with an error, unless a
// read has said why already. A reader that stops at the end of a tar should read on to io.EOF.
func (s *Store) Tee(want v1.Hash, size int64, r io.ReadCloser) io.ReadCloser {
	w, err := s.Create()
	return &tee{from: r, to: w, want: want, size: size, err: err}
}

// tee belongs to one goroutine.
type tee struct {
	from io.ReadCloser
	to   *Writer // nil when it could not be made
	want v1.Hash
	size int64
	err  error // what all further reads give: io.EOF when the blob is stored
}

func (t *tee) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.from.Read(p)
	if _, werr := t.to.Write(p[:n]); werr != nil {
		t.err = werr
		return n, werr
	}
	switch {
	case t.size >= 0 && t.to.Size() > t.size:
		t.err = &WrongSize{Digest: t.want, Want: t.size, Got: t.to.Size()}
	case err == io.EOF:
		t.err = t.commit()
	case err != nil:
		t.err = fmt.Errorf("blob %s: after %d bytes: %w", t.want, t.to.Size(), err)
	}
	return n, t.err
}

// commit is for when the source has ended; the result is never nil.
func (t *tee) commit() error {
	if t.size >= 0 && t.to.Size() < t.size {
		return &WrongSize{Digest: t.want, Want: t.size, Got: t.to.Size()}
	}
	if _, err := t.to.Commit(t.want); err != nil {
		return err
	}
	return io.EOF
}

func (t *tee) Close() error {
	var err error
	switch {
	case t.err != nil: // a read has said how it ended
	case t.to.Size() == t.size:
		if err = t.commit(); err == io.EOF {
			err = nil
		}
	default:
		err = fmt.Errorf("blob %s: closed after %d bytes, before its end: not stored", t.want, t.to.Size())
	}
	if t.to != nil {
		t.to.Discard()
	}
	if closed := t.from.Close(); err == nil {
		err = closed
	}
	return err
}

// drain reads to the end.
func drain(ctx context.Context, r io.Reader) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, &untilDone{ctx, r}, make([]byte, copyBuffer))
	return err
}
