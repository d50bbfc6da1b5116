package layer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
)

// A Store keeps layers as folders:
//
//	DIR/ID/diff          a layer; never changed once it is there. ID.root-X is a copy of ID for another root ([Clone])
//	DIR/tmp/SESSION/     drafts and other folders of one open Store
//	DIR/tmp/SESSION.lock held by flock for as long as the session lives
//
// A layer comes into being by one rename, so a process that is killed leaves
// either the whole layer or a draft, which the next Open removes. Several
// processes may use one folder, and several goroutines one Store. A layer is
// not flushed to the disk: after a loss of power one may be damaged.
type Store struct {
	dir     string
	session *session // nil: nothing is added
	count   atomic.Int64
}

// Layer is one layer in a store.
type Layer struct {
	ID  string
	Dir string // its folder, for overlay's lowerdir and for [Write]
}

// Open opens the store in a folder, makes it if need be, and removes the
// drafts of processes that are dead.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &StoreError{"open the layer store", dir, err}
	}
	tmp := filepath.Join(dir, "tmp")
	// Not for other users: layers hold programs that are setuid root.
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return nil, &StoreError{"open the layer store", dir, err}
	}
	if err := removeStale(tmp); err != nil {
		return nil, &StoreError{"clean the layer store", dir, err}
	}
	s, err := newSession(tmp)
	if err != nil {
		return nil, &StoreError{"open the layer store", dir, err}
	}
	return &Store{dir: dir, session: s}, nil
}

// Look opens a store to find layers in it, and for nothing else: it makes, locks and removes nothing, and may do so outside
// of the namespaces that the layers' owners are of.
func Look(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &StoreError{"open the layer store", dir, err}
	}
	return &Store{dir: dir}, nil
}

// Get finds a layer.
func (s *Store) Get(id string) (Layer, bool, error) {
	l, err := s.layer(id)
	if err != nil {
		return Layer{}, false, err
	}
	switch fi, err := os.Lstat(l.Dir); {
	case errors.Is(err, fs.ErrNotExist):
		return Layer{}, false, nil
	case err != nil:
		return Layer{}, false, &StoreError{"find a layer in", s.dir, err}
	case !fi.IsDir():
		return Layer{}, false, &StoreError{"find a layer in", s.dir, fmt.Errorf("%s is not a folder", l.Dir)}
	}
	return l, true, nil
}

// layer names the folder that a layer has or would have.
func (s *Store) layer(id string) (Layer, error) {
	if id == "" || id == "tmp" || id[0] == '.' || len(id) > 255 || strings.ContainsAny(id, "/\x00") {
		return Layer{}, fmt.Errorf("invalid layer id %q", id)
	}
	return Layer{ID: id, Dir: filepath.Join(s.dir, id, "diff")}, nil
}

// Temp makes a fresh folder of this session, which Close removes with all
// that is in it.
func (s *Store) Temp() (string, error) {
	return s.fresh("temp-")
}

func (s *Store) fresh(prefix string) (string, error) {
	if s.session == nil {
		return "", &StoreError{"make a folder in the layer store", s.dir, errors.New("it was opened to look")}
	}
	dir := filepath.Join(s.session.dir, prefix+strconv.FormatInt(s.count.Add(1), 10))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", &StoreError{"make a folder in the layer store", s.dir, err}
	}
	return dir, nil
}

// Close removes the session's drafts and temporary folders. They must not be
// mounted, nor have mounts in them.
func (s *Store) Close() error {
	if s.session == nil {
		return nil
	}
	if err := s.session.end(); err != nil {
		return &StoreError{"close the layer store", s.dir, err}
	}
	return nil
}
