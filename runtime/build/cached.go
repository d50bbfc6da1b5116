package build

import (
	"errors"
	"fmt"
	"os"

	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/owner"
)

// ErrNotCached ends a build with Options.Cached where something is to be done.
var ErrNotCached = errors.New("not all of the build is in the cache")

// work is asked before anything is done that takes the namespaces, the network, time, or a second try ill.
func (b *Builder) work() error {
	if b.opts.Cached {
		return ErrNotCached
	}
	return nil
}

// openLayers opens the layer store: to look, or to add layers to it.
func (b *Builder) openLayers() (err error) {
	if b.opts.Cached {
		b.layers, err = layer.Look(b.stateDir("layers"))
		return err
	}
	if b.layers, err = layer.Open(b.stateDir("layers")); err != nil {
		return err
	}
	b.chooseMounts()
	b.temp, err = b.layers.Temp()
	return err
}

// haveState ends a build that only looks where there is nothing to be seen, before it makes folders.
func (b *Builder) haveState() error {
	if !b.opts.Cached {
		return nil
	}
	if _, err := os.Stat(b.stateDir("layers")); err != nil {
		return fmt.Errorf("%w: %w", ErrNotCached, err)
	}
	return nil
}

// ownersKept says whether the state's files have their owners in attributes. One who looks from outside is asked for
// the place where the build would be.
func (b *Builder) ownersKept() bool {
	if b.opts.Cached && b.opts.Isolation != nil {
		return b.opts.Isolation.Rung == isolation.OneID
	}
	return owner.Kept()
}
