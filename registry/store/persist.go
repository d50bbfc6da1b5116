package store

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// onDisk is the mode of a blob that the disk is known to have, so that a name for an image whose layers are old costs
// no flush for each. It is set after the flush, thus a power cut can take the mode away, but not leave it alone.
const onDisk fs.FileMode = 0o444

// persist brings all blobs of an image from the page cache to the disk.
func (s *Store) persist(desc v1.Descriptor) error {
	blobs, err := s.unsynced(desc)
	if err != nil || len(blobs) == 0 {
		return err
	}
	var flushes errgroup.Group // side by side they share commits of the file system's journal
	flushes.SetLimit(4 * runtime.GOMAXPROCS(0))
	for _, path := range blobs {
		flushes.Go(func() error { return flush(path, unix.Fdatasync) })
	}
	if err := flushes.Wait(); err != nil {
		return err
	}
	if err := flush(s.blobDir(), unix.Fsync); err != nil {
		return err
	}
	for _, path := range blobs {
		os.Chmod(path, onDisk) //nolint:errcheck // another user's file; it is flushed again the next time
	}
	return nil
}

// unsynced are the paths of those blobs of an image of which it is not known that the disk has them.
func (s *Store) unsynced(desc v1.Descriptor) ([]string, error) {
	manifest, err := s.manifest(desc.Digest)
	if err != nil {
		return nil, err
	}
	var paths []string
	seen := map[v1.Hash]bool{}
	for _, blob := range append([]v1.Descriptor{{Digest: desc.Digest}, manifest.Config}, manifest.Layers...) {
		if seen[blob.Digest] {
			continue
		}
		seen[blob.Digest] = true
		switch path, info, ok := s.stat(blob.Digest); {
		case ok && info.Mode().Perm() != onDisk:
			paths = append(paths, path)
		case !ok && !IsLater(blob) && len(blob.URLs) == 0: // URLs: its maker wants the layer to be fetched from elsewhere
			return nil, fmt.Errorf("blob %s: %w", blob.Digest, ErrNotFound)
		}
	}
	return paths, nil
}

func flush(path string, sync func(int) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("image store: %w", err)
	}
	defer f.Close()
	if err := sync(int(f.Fd())); err != nil {
		return writeError("write blobs to the disk", err)
	}
	return nil
}
