package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/shbuild/shbuild/dsl/diag"
)

// digester hashes what is read through it.
type digester struct {
	r io.Reader
	h hash.Hash
}

func newDigester(r io.Reader) *digester { return &digester{r, sha256.New()} }

func (d *digester) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	d.h.Write(p[:n])
	return n, err
}

func (d *digester) sum() string { return "sha256:" + hex.EncodeToString(d.h.Sum(nil)) }

// finish reads both streams of a layer to their ends, behind the tar too, and
// checks the uncompressed one's digest. That of the compressed one is checked
// by whoever gives it, at its end.
func finish(d *digester, compressed io.Reader, diffID string) error {
	if _, err := io.Copy(io.Discard, d); err != nil {
		return fmt.Errorf("layer %s: %w", diffID, err)
	}
	if _, err := io.Copy(io.Discard, compressed); err != nil {
		return fmt.Errorf("layer %s: %w", diffID, err)
	}
	if got := d.sum(); got != diffID {
		return diag.WithHint(fmt.Errorf("layer %s: its content has the digest %s", diffID, got), "the image is damaged, or the registry is not to be trusted")
	}
	return nil
}

// hashing hashes what is written through it.
type hashing struct {
	w    io.Writer
	h    hash.Hash
	size int64 // bytes so far
}

func newHashing(w io.Writer) *hashing { return &hashing{w: w, h: sha256.New()} }

func (h *hashing) Write(p []byte) (int, error) {
	n, err := h.w.Write(p)
	h.h.Write(p[:n])
	h.size += int64(n)
	return n, err
}

func (h *hashing) sum() string { return "sha256:" + hex.EncodeToString(h.h.Sum(nil)) }
