package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxManifest bounds what is read into memory: 4 MiB is what registries take for a manifest.
// A config may be larger, by its history and labels.
const (
	maxManifest = 4 << 20
	maxConfig   = 32 << 20
)

// Has says whether the blob is there.
func (s *Store) Has(d v1.Hash) bool {
	_, ok := s.size(d)
	return ok
}

// size is the blob's length in bytes.
func (s *Store) size(d v1.Hash) (int64, bool) {
	_, info, ok := s.stat(d)
	if !ok {
		return 0, false
	}
	return info.Size(), true
}

// stat finds the blob's file. A file that a power cut left empty is no blob.
func (s *Store) stat(d v1.Hash) (path string, info fs.FileInfo, ok bool) {
	path, err := s.blobPath(d)
	if err != nil {
		return "", nil, false
	}
	info, err = os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "", nil, false
	}
	return path, info, info.Size() > 0 || d.Hex == emptyDigest
}

const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Blob opens a blob. Its last read fails with *Damaged, in the place of io.EOF, if the disk gave
// back other content than was written. A blob that is not there is ErrNotFound.
func (s *Store) Blob(d v1.Hash) (io.ReadCloser, error) {
	path, err := s.blobPath(d)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s: %w", d, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	return &checkedFile{file: f, want: d.Hex, hash: sha256.New()}, nil
}

// checkedFile is a blob that is hashed as it is read from its start to its end. It is not embedded: else
// a network connection may take its descriptor and send from that (sendfile), past the hash.
type checkedFile struct {
	file *os.File
	want string
	hash hash.Hash
}

func (c *checkedFile) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	c.hash.Write(p[:n])
	if err == io.EOF && hex.EncodeToString(c.hash.Sum(nil)) != c.want {
		return n, &Damaged{Path: c.file.Name(), Reason: "its content is not what its name says"}
	}
	return n, err
}

func (c *checkedFile) Close() error { return c.file.Close() }

// readBlob reads a small blob into memory.
func (s *Store) readBlob(d v1.Hash, limit int64) ([]byte, error) {
	blob, err := s.Blob(d)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	content, err := io.ReadAll(io.LimitReader(blob, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("blob %s: larger than %d bytes", d, limit)
	}
	return content, nil
}
