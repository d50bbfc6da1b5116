package layer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Copies are trees that are copied, for places where nothing can be mounted. A step's tree is kept for the next one,
// whose layers are the same and the step's on top: in a line of steps the layers are copied once. Several goroutines
// may use one Copies.
type Copies struct {
	temp func() (string, error)

	mu   sync.Mutex
	kept []*Copy // the latest last
}

// maxKept is how many trees are kept for a next step.
const maxKept = 2

// NewCopies takes folders for trees from temp; who gives them removes them in the end.
func NewCopies(temp func() (string, error)) *Copies { return &Copies{temp: temp} }

// Copy is a tree that is in use.
type Copy struct {
	Dir string

	of     *Copies
	top    string // a folder of its own, on the layers' file system
	lowers []string
	since  unix.Timespec
}

// Take gives a tree of the layers, the topmost first, that the caller alone may use and change. It ends with Keep or
// Remove.
func (c *Copies) Take(ctx context.Context, lowers []string) (*Copy, error) {
	if t := c.find(lowers); t != nil {
		return t, nil
	}
	top, err := c.temp()
	if err != nil {
		return nil, err
	}
	t := &Copy{Dir: filepath.Join(top, "tree"), of: c, top: top, lowers: lowers}
	if err = os.Mkdir(t.Dir, 0o755); err == nil {
		err = os.Chmod(t.Dir, 0o755) // whatever the umask
	}
	if err == nil {
		err = Merge(ctx, lowers, t.Dir)
	}
	if err == nil {
		t.since, err = Now(t.top)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("copy the layers: %w", err), t.Remove())
	}
	return t, nil
}

// find takes a tree that was kept.
func (c *Copies) find(lowers []string) *Copy {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, t := range slices.Backward(c.kept) {
		if slices.Equal(t.lowers, lowers) {
			c.kept = slices.Delete(c.kept, i, i+1)
			return t
		}
	}
	return nil
}

// Diff puts what has become of the tree into upper, an empty folder: what overlayfs would have there.
func (t *Copy) Diff(ctx context.Context, upper string) error {
	if err := Diff(ctx, t.Dir, t.lowers, upper, t.since); err != nil {
		return fmt.Errorf("find what a step changed: %w", err)
	}
	return nil
}

// Keep gives the tree back; it is that of these layers now.
func (t *Copy) Keep(lowers []string) error {
	since, err := Now(t.top)
	if err != nil {
		return errors.Join(err, t.Remove())
	}
	t.lowers, t.since = lowers, since
	t.of.mu.Lock()
	t.of.kept = append(t.of.kept, t)
	var old *Copy
	if len(t.of.kept) > maxKept {
		old = t.of.kept[0]
		t.of.kept = slices.Delete(t.of.kept, 0, 1)
	}
	t.of.mu.Unlock()
	if old != nil {
		return old.Remove()
	}
	return nil
}

// Remove removes the tree.
func (t *Copy) Remove() error { return removeAll(t.top) }
