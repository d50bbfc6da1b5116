package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/shbuild/shbuild/dsl/syntax"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/owner"
)

// ErrNotCached ends a build with Options.Cached where something is to be done.
var ErrNotCached = errors.New("not all of the build is in the cache")

// work is asked before anything is done that takes the namespaces, the network, time, or a second try ill.
func (b *Builder) work() error {
	if !b.opts.Cached {
		return nil
	}
	b.giveUp(ErrNotCached)
	return ErrNotCached
}

// looking is Build's part for Options.Cached: the first thing that is to be done ends all that is under way, and what a
// script would forgive. ended gives the build's error; it must be called.
func (b *Builder) looking(ctx context.Context) (_ context.Context, ended func(error) error) {
	if !b.opts.Cached {
		return ctx, func(err error) error { return err }
	}
	ctx, b.giveUp = context.WithCancelCause(ctx)
	return ctx, func(err error) error {
		if err == nil {
			err = context.Cause(ctx)
		}
		b.giveUp(err)
		return err
	}
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

// What a script may take that only looks: one that does more is likely to have something done, and is left to the build.
const (
	scriptTime   = time.Second
	scriptOutput = 1 << 20 // bytes, kept in memory until the end
	scriptInput  = 1 << 20 // bytes, of a RUN behind a pipe
)

// cachedScript runs a script to look whether the cache has all that it comes to. Nothing of it must be there twice: its
// output is the caller's to hold back, and its images are kept when it has come to its end.
func (b *Builder) cachedScript(ctx context.Context, f *syntax.File) (*stage, error) {
	if len(b.opts.AllowHost)+len(b.opts.AllowWrite) > 0 {
		return nil, ErrNotCached
	}
	defer time.AfterFunc(scriptTime, func() { b.giveUp(ErrNotCached) }).Stop()
	full := func() { b.giveUp(ErrNotCached) }
	left := new(atomic.Int64)
	left.Store(scriptOutput)
	for _, w := range []*io.Writer{&b.opts.Stdout, &b.opts.Stderr} {
		if *w != nil {
			*w = &bounded{*w, left, full}
		}
	}
	s, err := b.script(ctx, f)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, do := range b.later {
		if err := do(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// atEnd does something that must not be done if not all is cached.
func (b *Builder) atEnd(do func() error) error {
	if !b.opts.Cached {
		return do()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.later = append(b.later, do)
	return nil
}

// forgivable ends a script that only looks at an error that is no answer of the cache's: the shell may make something of
// it, and the build may not have it.
func (b *Builder) forgivable(err error) error {
	var answer *ExitError
	if err != nil && b.opts.Cached && !errors.As(err, &answer) {
		b.giveUp(err)
	}
	return err
}

// bounded is a writer for so much and no more.
type bounded struct {
	w    io.Writer
	left *atomic.Int64
	full func()
}

func (w *bounded) Write(p []byte) (int, error) {
	if w.left.Add(-int64(len(p))) < 0 {
		w.full()
		return 0, ErrNotCached
	}
	return w.w.Write(p)
}

// hashedInput is the hash of a step's standard input, which nobody else reads.
func hashedInput(r io.Reader) (string, error) {
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, scriptInput+1))
	if err == nil && n > scriptInput {
		err = ErrNotCached
	}
	return hex.EncodeToString(h.Sum(nil)), err
}
