package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// sweep removes the files of ingest that no living process holds. The kernel gives up a flock
// with its process, so a lock that can be had is a stale file.
func (s *Store) sweep() error {
	files, err := os.ReadDir(s.ingestDir())
	if err != nil {
		return err
	}
	for _, entry := range files {
		if err := removeStale(filepath.Join(s.ingestDir(), entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func removeStale(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its writer has just ended
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
