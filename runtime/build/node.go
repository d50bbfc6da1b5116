package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// files is the state of a file system: a stack of layers, the lowest first.
// It is a value; the zero value is scratch.
type files struct {
	layers []layerRef
}

// layerRef names a layer in the layer store.
type layerRef struct {
	ID      string
	Created time.Time // when its step was carried out; zero for a base's layers
	Title   string    // of its step; the history tells it where nothing else does
	Made    string    // the key of its step, or its image (reason.Image)
}

// with returns the stack with one more layer on it.
func (f files) with(l layerRef) files {
	return files{layers: append(slices.Clip(f.layers), l)}
}

// made is what made the topmost layer; empty: there is none.
func (f files) made() string {
	if len(f.layers) == 0 {
		return ""
	}
	return f.layers[len(f.layers)-1].Made
}

// key names the stack: two stacks with one key have the same files. Layers
// are named by what made them, once, so that a step that is made anew makes
// anew what stands on it.
func (f files) key() string {
	h := sha256.New()
	for _, l := range f.layers {
		h.Write([]byte(l.ID))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A node of the build graph makes a state of files from those below it. It is
// solved at most once, when somebody first asks.
type node struct {
	below *node   // nil: scratch
	deps  []*node // others that it reads (COPY --from), solved beside below
	make  func(ctx context.Context, below files, deps []files) (files, error)

	then func(files) // called once it is solved; may be nil

	once   sync.Once
	result files
	err    error
}

// solve returns the node's files, making them if nobody has. The first caller
// makes them, under its ctx; the others wait for it. If that ctx ends, all are
// told why it did.
func (n *node) solve(ctx context.Context) (files, error) {
	if n == nil {
		return files{}, nil
	}
	n.once.Do(func() {
		n.result, n.err = n.solveNow(ctx)
		n.err = why(ctx, n.err)
		if n.err == nil && n.then != nil {
			n.then(n.result)
		}
	})
	return n.result, n.err
}

func (n *node) solveNow(ctx context.Context) (files, error) {
	if n.make == nil {
		return n.below.solve(ctx)
	}
	if len(n.deps) == 0 {
		below, err := n.below.solve(ctx)
		if err != nil {
			return files{}, err
		}
		return n.make(ctx, below, nil)
	}
	group, gctx := errgroup.WithContext(ctx)
	var below files
	group.Go(func() (err error) { below, err = n.below.solve(gctx); return err })
	deps := make([]files, len(n.deps))
	for i, d := range n.deps {
		group.Go(func() (err error) { deps[i], err = d.solve(gctx); return err })
	}
	if err := group.Wait(); err != nil {
		return files{}, err
	}
	return n.make(ctx, below, deps)
}

// why is the error of what was done under ctx: if that has ended, the reason why. What fails then was stopped, and
// somebody may hear of it who does not know of the ctx.
func why(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
