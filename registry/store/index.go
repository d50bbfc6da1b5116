package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/renameio/v2"

	"github.com/shbuild/shbuild/registry/reference"
)

// index is index.json, its entries undecoded.
type index struct {
	before, behind []byte // what the list stands in
	entries        []entry
}

// entry is one of the index: the JSON text of a descriptor. Nothing is known to be right in it before it is decoded.
type entry []byte

// index reads index.json. No file is an empty store; a file that is not an index is *Damaged.
func (s *Store) index() (*index, error) {
	content, err := os.ReadFile(s.indexPath())
	if errors.Is(err, fs.ErrNotExist) {
		return emptyIndex()
	}
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	return s.parseIndex(content)
}

func emptyIndex() (*index, error) {
	// The specification wants the list, even empty.
	content, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}})
	if err != nil {
		return nil, err
	}
	before, _, behind, err := cut(content)
	return &index{before: before, behind: behind}, err
}

func (s *Store) parseIndex(content []byte) (*index, error) {
	damaged := func(reason string) error { return &Damaged{Path: s.indexPath(), Reason: reason} }
	before, entries, behind, err := cut(content)
	if err != nil {
		return nil, damaged(fmt.Sprintf("not an index: %v", err))
	}
	var frame v1.IndexManifest
	if err := decode(slices.Concat(before, behind), &frame); err != nil {
		return nil, damaged(fmt.Sprintf("not an index: %v", err))
	}
	if frame.SchemaVersion != 2 || frame.MediaType != "" && frame.MediaType != types.OCIImageIndex || len(frame.Manifests) > 0 {
		return nil, damaged("not an OCI image index")
	}
	if behind == nil { // no list at all
		return emptyIndex()
	}
	found := &index{before: before, behind: behind}
	for _, e := range entries {
		found.entries = append(found.entries, e)
	}
	return found, nil
}

// decode gives what the entry says.
func (s *Store) decode(e entry) (v1.Descriptor, error) {
	var d v1.Descriptor
	if err := decode(e, &d); err != nil {
		return d, &Damaged{Path: s.indexPath(), Reason: fmt.Sprintf("not an index: %v", err)}
	}
	return d, nil
}

// mayHave is false where the entry cannot have a name. Where it may, only decoding tells. A name that is written
// with escapes may be anything.
func (e entry) mayHave(ref reference.Ref) bool {
	base := []byte(path.Base(ref.Path)) // what every spelling of the name has, between these:
	for rest := []byte(e); ; {
		i := bytes.Index(rest, base)
		if i < 0 {
			return bytes.IndexByte(e, '\\') >= 0
		}
		end := i + len(base)
		if i > 0 && bytes.IndexByte([]byte(`/"`), rest[i-1]) >= 0 && end < len(rest) && bytes.IndexByte([]byte(`:@"`), rest[end]) >= 0 {
			return true
		}
		rest = rest[end:]
	}
}

func (i *index) bytes() []byte {
	size := len(i.before) + len(i.behind) + len(i.entries)
	for _, e := range i.entries {
		size += len(e)
	}
	content := append(make([]byte, 0, size), i.before...)
	for n, e := range i.entries {
		if n > 0 {
			content = append(content, ',')
		}
		content = append(content, e...)
	}
	return append(content, i.behind...)
}

// change reads the index, lets edit change its entries, and puts the result in its place, while no other process does
// the same.
func (s *Store) change(edit func(*index) error) error {
	return s.locked(func() error {
		index, err := s.index()
		if err != nil {
			return err
		}
		if err := edit(index); err != nil {
			return err
		}
		return s.replace(s.indexPath(), index.bytes())
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
