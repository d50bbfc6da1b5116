package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/renameio/v2"
)

// index reads index.json. No file is an empty store; a file that is not an index is *Damaged.
func (s *Store) index() (*v1.IndexManifest, error) {
	content, err := os.ReadFile(s.indexPath())
	if errors.Is(err, fs.ErrNotExist) {
		return &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	var index v1.IndexManifest
	if err := decode(content, &index); err != nil {
		return nil, &Damaged{Path: s.indexPath(), Reason: fmt.Sprintf("not an index: %v", err)}
	}
	if index.SchemaVersion != 2 || index.MediaType != "" && index.MediaType != types.OCIImageIndex {
		return nil, &Damaged{Path: s.indexPath(), Reason: "not an OCI image index"}
	}
	return &index, nil
}

// change reads the index, lets edit change it, and puts the result in its place, while no
// other process does the same.
func (s *Store) change(edit func(*v1.IndexManifest) error) error {
	return s.locked(func() error {
		index, err := s.index()
		if err != nil {
			return err
		}
		if err := edit(index); err != nil {
			return err
		}
		if index.Manifests == nil {
			index.Manifests = []v1.Descriptor{} // the specification wants the list, even empty
		}
		content, err := json.Marshal(index)
		if err != nil {
			return fmt.Errorf("image store: %w", err)
		}
		return s.replace(s.indexPath(), content)
	})
}

// locked runs work while this process, and in it this goroutine, alone may change the files at
// the top of the layout.
func (s *Store) locked(work func() error) error {
	lock := flock.New(filepath.Join(s.dir, "index.lock"))
	if err := lock.Lock(); err != nil {
		return writeError("lock the index", err)
	}
	defer lock.Unlock()
	return work()
}

// replace writes a file at the top of the layout, under the lock. Temporary files there can only
// be those of killed processes.
func (s *Store) replace(path string, content []byte) error {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return writeError("write "+filepath.Base(path), err)
	}
	for _, file := range files {
		if strings.HasPrefix(file.Name(), "."+filepath.Base(path)) {
			os.Remove(filepath.Join(s.dir, file.Name()))
		}
	}
	if err := renameio.WriteFile(path, content, 0o644, renameio.WithTempDir(s.dir)); err != nil {
		return writeError("write "+filepath.Base(path), err)
	}
	return nil
}

// decode reads exactly one JSON value.
func decode(content []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("something follows the JSON value")
	}
	return nil
}
