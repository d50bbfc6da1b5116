// Package store keeps images on the local disk, as an OCI image layout that other tools can read:
// `skopeo inspect oci:DIR:debian:12`, `umoci unpack --image DIR:app:v1 bundle`.
//
//	DIR/oci-layout          the layout's version
//	DIR/index.json          one entry for each name and platform
//	DIR/blobs/sha256/…      layers, configs, manifests
//	DIR/ingest/…            blobs that are still being written
//	DIR/index.lock          held (flock) while index.json is changed
//
// Invariants, at every instant and after a SIGKILL at any instant:
//   - A file in blobs is whole and has the digest that its name says. It is written in ingest,
//     verified, then renamed.
//   - index.json is replaced by rename only, by the one process that holds index.lock. Readers
//     take no lock and see the old or the new one.
//   - A blob that a name leads to is on the disk (fdatasync) before the name is: a power cut
//     may cost blobs that have no name yet, never a named image.
//   - A file in ingest belongs to the process that holds its flock. Open removes the others.
//
// A name that a user types (debian) is kept in two annotations of its entry:
// org.opencontainers.image.ref.name has the familiar name with its tag (debian:12), for that is
// what skopeo and umoci compare with, and io.containerd.image.name the full one
// (docker.io/library/debian:12). Entries without the second, as skopeo writes them, are
// read by the first. Of a name's platforms the host's comes first, because those tools take the
// first. An image pulled in Docker's format keeps it, and its digest; some tools (umoci, older
// skopeos) then do not find it.
//
// An image may name layers whose blobs are not there yet (see [Later]): those of a build, until they are pushed.
// Other tools can inspect such an image, and not unpack it.
//
// All methods may be called at once, by goroutines and by several processes. The store fetches
// nothing, unpacks nothing, and forgets nothing by itself: a name that moves leaves the blobs of
// its old image behind until they are collected.
package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const layoutFile = `{"imageLayoutVersion":"1.0.0"}`

// Store is an OCI image layout. It holds no file open between calls.
type Store struct {
	dir string

	// Write, if not nil, gives the content of a layer of an image whose blob is not there since it is [Later]; nil, if it
	// cannot.
	Write func(img v1.Image, layer v1.Hash) (io.ReadCloser, error)
}

// Open makes the store's folder if need be and removes what killed processes left in ingest.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	for _, sub := range []string{s.blobDir(), s.ingestDir()} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return nil, fmt.Errorf("open image store: %w", err)
		}
	}
	if err := s.checkLayout(); err != nil {
		return nil, fmt.Errorf("open image store: %w", err)
	}
	if err := s.sweep(); err != nil {
		return nil, fmt.Errorf("open image store: %w", err)
	}
	return s, nil
}

// checkLayout reads the layout's version, or writes it where there is none.
func (s *Store) checkLayout() error {
	path := filepath.Join(s.dir, "oci-layout")
	found, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s.locked(func() error { return s.replace(path, []byte(layoutFile)) })
	}
	if err != nil {
		return err
	}
	var layout struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := decode(found, &layout); err != nil || layout.Version != "1.0.0" {
		return &Damaged{Path: path, Reason: "not an OCI layout of version 1.0.0"}
	}
	return nil
}

// Dir is the folder of the layout, as Open was given it.
func (s *Store) Dir() string { return s.dir }

func (s *Store) blobDir() string   { return filepath.Join(s.dir, "blobs", "sha256") }
func (s *Store) ingestDir() string { return filepath.Join(s.dir, "ingest") }
func (s *Store) indexPath() string { return filepath.Join(s.dir, "index.json") }

// blobPath is safe for any hash that v1.NewHash made: 64 hexadecimal digits.
func (s *Store) blobPath(d v1.Hash) (string, error) {
	if d.Algorithm != "sha256" || len(d.Hex) != 64 {
		return "", fmt.Errorf("blob %s: only sha256 digests are kept", d)
	}
	return filepath.Join(s.blobDir(), d.Hex), nil
}
