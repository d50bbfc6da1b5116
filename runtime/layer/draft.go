package layer

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A Draft is a layer that is being made: an empty folder for [Apply], or for
// an overlay mount to write to. It is nobody else's until Commit.
type Draft struct {
	Dir  string // the layer's folder: 0755, root's
	Work string // overlay's workdir, on the same filesystem

	store *Store
	top   string // holds both
}

// Draft begins a layer.
func (s *Store) Draft() (*Draft, error) {
	top, err := s.fresh("draft-")
	if err != nil {
		return nil, err
	}
	d := &Draft{Dir: filepath.Join(top, "diff"), Work: filepath.Join(top, "work"), store: s, top: top}
	err = errors.Join(os.Mkdir(d.Dir, 0o755), os.Mkdir(d.Work, 0o755))
	if err == nil {
		err = os.Chmod(d.Dir, 0o755) // whatever the umask: it becomes the mode of the image's /
	}
	if err != nil {
		return nil, errors.Join(&StoreError{"make a folder in the layer store", s.dir, err}, d.Discard())
	}
	return d, nil
}

// Commit makes the draft a layer of the store and uses the draft up. It must
// not be mounted any more. If there is a layer of that id already, that one
// stays and is returned, and the draft is removed.
func (d *Draft) Commit(id string) (Layer, error) {
	l, err := d.store.layer(id)
	if err != nil {
		return Layer{}, err
	}
	if err := removeAll(d.Work); err != nil {
		return Layer{}, &StoreError{"add a layer to", d.store.dir, err}
	}
	err = os.Rename(d.top, filepath.Dir(l.Dir))
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTEMPTY) {
		return l, d.Discard()
	}
	if err != nil {
		return Layer{}, &StoreError{"add a layer to", d.store.dir, err}
	}
	return l, nil
}

// Discard removes the draft. It must not be mounted any more.
func (d *Draft) Discard() error {
	if err := removeAll(d.top); err != nil {
		return &StoreError{"remove a draft from", d.store.dir, err}
	}
	return nil
}
