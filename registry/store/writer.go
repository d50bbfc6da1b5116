package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// Writer is a blob that is being written. It belongs to one goroutine and ends with Commit or
// Discard.
type Writer struct {
	store *Store
	file  *os.File // in ingest, locked; nil when the writer has ended
	hash  hash.Hash
	size  int64
}

// Create begins a blob whose digest nobody knows yet.
func (s *Store) Create() (*Writer, error) {
	// A process that opens the store just now may take the file for a stale one before it is
	// locked; then there is another try.
	for range 100 {
		f, err := os.CreateTemp(s.ingestDir(), "blob-")
		if err != nil {
			return nil, writeError("begin a blob", err)
		}
		if owned(f) {
			return &Writer{store: s, file: f, hash: sha256.New()}, nil
		}
		f.Close()
	}
	return nil, fmt.Errorf("image store: begin a blob: %s is swept too often", s.ingestDir())
}

// owned locks a new ingest file and says whether it is still there.
func owned(f *os.File) bool {
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return false
	}
	var stat unix.Stat_t
	return unix.Fstat(int(f.Fd()), &stat) == nil && stat.Nlink > 0
}

// Write appends to the blob.
func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		err = writeError("write a blob", err)
	}
	return n, err
}

// Size is how many bytes have been written.
func (w *Writer) Size() int64 { return w.size }

// Digest is the digest of what has been written.
func (w *Writer) Digest() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(w.hash.Sum(nil))}
}

// Commit makes the content a blob of the store and ends the writer. Where want is not the zero
// hash and not the content's, the error is *WrongDigest and nothing is kept. Of the descriptor only
// digest and size are set. A blob that is there already is replaced by its like.
func (w *Writer) Commit(want v1.Hash) (v1.Descriptor, error) {
	defer w.Discard()
	got := v1.Descriptor{Digest: w.Digest(), Size: w.size}
	if want != (v1.Hash{}) && want != got.Digest {
		return v1.Descriptor{}, &WrongDigest{Want: want, Got: got.Digest}
	}
	path, err := w.store.blobPath(got.Digest)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if err := w.file.Chmod(0o644); err != nil {
		return v1.Descriptor{}, writeError("finish a blob", err)
	}
	if err := os.Rename(w.file.Name(), path); err != nil {
		return v1.Descriptor{}, writeError("finish a blob", err)
	}
	if err := w.close(); err != nil {
		return v1.Descriptor{}, writeError("finish a blob", err)
	}
	return got, nil
}

// Discard drops what was written. After Commit it does nothing.
func (w *Writer) Discard() {
	if w.file != nil {
		os.Remove(w.file.Name())
		w.close()
	}
}

func (w *Writer) close() error {
	f := w.file
	w.file = nil
	return f.Close()
}

// Ingest reads r to its end into a blob; see Commit for want.
func (s *Store) Ingest(ctx context.Context, want v1.Hash, r io.Reader) (v1.Descriptor, error) {
	w, err := s.Create()
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer w.Discard()
	// Hide a WriterTo: pieces keep cancelling quick.
	if _, err := io.CopyBuffer(w, &untilDone{ctx, r}, make([]byte, copyBuffer)); err != nil {
		return v1.Descriptor{}, err
	}
	return w.Commit(want)
}

const copyBuffer = 256 << 10 // bytes; more was not faster

// untilDone is a reader that fails once its context has ended.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(p)
}
