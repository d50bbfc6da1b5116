package build

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/trace"
	"github.com/shbuild/shbuild/runtime/userns"
)

// A job is a step that makes one layer on the files below it.
type job struct {
	place
	title  string
	inputs stepInputs // all that the result depends on besides the files below
	probe  bool
	stdout io.Writer // gets the step's standard output, from the cache too; may be nil
	// root is whose the files are for make; the layer is as it would be without. It is no part of the key.
	root *userns.Root
	// make changes the files under root, and writes its standard output to
	// out. The status of a program that it ran comes back as *ExitError.
	make func(ctx context.Context, root string, out *output) error
	// write is for steps that run no program, instead of make: it writes the layer's folder itself. The files below
	// are mounted, for reading, at below; if there are none it is empty.
	write func(ctx context.Context, dir, below string) error
	alone bool // write sees no files below

	// For --why.
	parts   []part // what is copied
	refused string // why an entry of the cache was not taken; empty: there was none
}

// do carries the job out, or finds in the cache what it made the last time.
// Two that are the same and come at one time are carried out once.
func (b *Builder) do(ctx context.Context, j *job, below files) (files, error) {
	in := inputsOf(j, below)
	key := in.Key()
	step := b.progress.Begin(j.title)
	span := trace.Current(ctx)
	span.Text("key", key)
	if rec, ok := b.lookup(ctx, key, j, below); ok {
		span.Text("cache", "hit")
		step.End(Cached)
		b.solvedStep(j, key, in, rec, Cached)
		return b.answer(j, key, rec, below)
	}
	if err := b.work(); err != nil {
		step.End(Canceled)
		return files{}, err
	}
	b.missedStep(j, key)
	type made struct {
		rec    cache.Step
		mine   *job // who made it; nil: another build
		failed error
	}
	since := trace.Now(ctx)
	v, err, _ := b.flights.Do(key, func() (any, error) {
		span.Text("cache", "miss")
		unlock, err := b.alone(ctx, key, j)
		if err != nil {
			return nil, err
		}
		defer unlock()
		if rec, ok := b.lookup(ctx, key, j, below); ok { // another build has made it meanwhile
			return &made{rec: rec}, nil
		}
		rec, err := b.perform(ctx, j, key, in, below, step)
		err = why(ctx, err) // others may wait for the same, who know of another ctx
		var exit *ExitError
		if err != nil && !errors.As(err, &exit) {
			return nil, err
		}
		return &made{rec, j, err}, nil
	})
	if err != nil {
		step.End(Failed)
		b.solvedStep(j, key, in, cache.Step{}, Failed)
		return files{}, err
	}
	m := v.(*made)
	if m.failed != nil {
		step.End(Failed)
		b.solvedStep(j, key, in, m.rec, Failed)
		return files{}, m.failed
	}
	if m.mine != j { // somebody else's run of the same step: its output is in the record
		span.Text("cache", "hit")
		trace.Since(ctx, "wait for the same step", since)
		step.End(Cached)
		b.solvedStep(j, key, in, m.rec, Cached)
		return b.answer(j, key, m.rec, below)
	}
	step.End(Done)
	b.solvedStep(j, key, in, m.rec, Done)
	b.noteStep(key, m.rec, below)
	return below.with(layerOf(key, m.rec)), nil
}

// alone waits for other builds that work on the same. A step that is to be carried out whatever there is has no use
// for what they make.
func (b *Builder) alone(ctx context.Context, key string, j *job) (unlock func(), err error) {
	if b.anew(j) {
		return func() {}, nil
	}
	ctx, span := trace.Start(ctx, "wait for other builds")
	defer span.End()
	return b.cache.Lock(ctx, key)
}

// anew says whether a job is to be carried out even if the cache has it.
func (b *Builder) anew(j *job) bool { return b.opts.NoCache || j.noCache }

// lookup returns the record for a key if it can be used: its layer is there,
// and a failure answers only a probe, of a later build.
func (b *Builder) lookup(ctx context.Context, key string, j *job, below files) (cache.Step, bool) {
	_, span := trace.Start(ctx, "look up")
	defer span.End()
	j.refused = ""
	switch {
	case b.opts.NoCache:
		j.refused = forcedAll
	case j.noCache:
		j.refused = forcedStage
	}
	if b.anew(j) {
		return cache.Step{}, false
	}
	rec, ok := b.cache.Step(key)
	if ok && rec.Status == 0 {
		_, there, err := b.layers.Get(rec.Layer)
		if ok = there && err == nil; !ok {
			j.refused = layerGone
		}
	}
	if !ok {
		rec, ok = b.imported(key, below)
	}
	if ok && rec.Status != 0 {
		if ok = j.probe && rec.Session != b.session; !ok {
			j.refused = probedBefore
		}
	}
	return rec, ok
}

// answer gives a job what the record of the same step holds.
func (b *Builder) answer(j *job, key string, rec cache.Step, below files) (files, error) {
	b.noteStep(key, rec, below)
	if j.stdout != nil {
		if err := b.replay(key, j.stdout); err != nil {
			return files{}, err
		}
	}
	if rec.Status != 0 {
		return files{}, &ExitError{Status: rec.Status}
	}
	return below.with(layerOf(key, rec)), nil
}

// layerOf is the layer of a step's record.
func layerOf(key string, rec cache.Step) layerRef {
	return layerRef{ID: rec.Layer, Created: rec.Created, Title: rec.Title, Made: key}
}

func (b *Builder) replay(key string, w io.Writer) error {
	r, err := b.cache.Stdout(key)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return ignoreBrokenPipe(err)
}

// perform makes the layer: an overlay of the layers below and a fresh upper
// folder, which becomes the layer by being renamed.
func (b *Builder) perform(ctx context.Context, j *job, key string, in cache.Inputs, below files, step Step) (rec cache.Step, err error) {
	rec = cache.Step{Created: time.Now().UTC(), Session: b.session, Title: j.title}
	file, err := b.scratchFile()
	if err != nil {
		return rec, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	kept := &record{file: file}
	out := &output{display: step, tail: &tail{}, kept: kept, asked: j.stdout}
	var id string
	within := func(root string) error { return j.make(ctx, root, out) }
	switch {
	case j.write != nil:
		id, err = b.written(ctx, j, below)
	case j.root != nil:
		id, err = b.layeredFor(ctx, below, j.root, within)
	default:
		id, err = b.layered(ctx, below, within)
	}
	var exit *ExitError
	switch {
	case errors.As(err, &exit):
		exit.Tail = out.tail.lines()
		if !j.probe || ctx.Err() != nil {
			if ctx.Err() == nil {
				b.writeDown(key, b.madeOf(j, in, rec.Created), nil, failedBefore)
			}
			return rec, err
		}
		rec.Status = exit.Status
	case err != nil:
		return rec, err
	default:
		rec.Layer = id
	}
	if kept.spoilt {
		b.writeDown(key, b.madeOf(j, in, rec.Created), j.parts, hadSecret)
		return rec, err
	}
	b.writeDown(key, b.madeOf(j, in, rec.Created), j.parts, "")
	_, span := trace.Start(ctx, "record")
	defer span.End()
	r, serr := kept.reader()
	if serr != nil {
		return rec, serr
	}
	return rec, errors.Join(err, b.cache.PutStep(key, rec, r))
}

// layered runs f on the files with a fresh layer on top, and keeps the layer
// if f succeeds.
func (b *Builder) layered(ctx context.Context, below files, f func(root string) error) (id string, err error) {
	return b.drafted(ctx, func(draft *layer.Draft) error { return b.mounted(ctx, below, draft, f) })
}

// written lets a job write a fresh layer's folder, beside the files below it.
func (b *Builder) written(ctx context.Context, j *job, below files) (id string, err error) {
	return b.drafted(ctx, func(draft *layer.Draft) error {
		switch {
		case j.alone || len(below.layers) == 0:
			return j.write(ctx, draft.Dir, "")
		case b.copying(): // then the changed tree is there for the next step, too
			return b.mounted(ctx, below, draft, func(root string) error { return j.write(ctx, root, "") })
		}
		return b.mounted(ctx, below, nil, func(root string) error { return j.write(ctx, draft.Dir, root) })
	})
}

// drafted makes a layer of what fill puts into a draft, and keeps nothing if fill fails.
func (b *Builder) drafted(ctx context.Context, fill func(*layer.Draft) error) (id string, err error) {
	draft, err := b.layers.Draft()
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, draft.Discard())
		}
	}()
	if err := fill(draft); err != nil {
		return "", err
	}
	_, span := trace.Start(ctx, "adopt the layer")
	defer span.End()
	id = newID()
	made, err := draft.Commit(id)
	if err == nil {
		err = b.keepCopy(draft, made)
	}
	return id, err
}

// mountedTree runs f with the files mounted read-only, as a source to copy from.
func (b *Builder) mountedTree(ctx context.Context, from files, f func(*buildctx.Tree) error) error {
	return b.mounted(ctx, from, nil, func(root string) error {
		tree, err := buildctx.Root(root)
		if err != nil {
			return err
		}
		return errors.Join(f(tree), tree.Close())
	})
}

// lowers are the folders of the layers, the topmost first, as overlay wants
// them.
func (b *Builder) lowers(f files) ([]string, error) {
	dirs := make([]string, len(f.layers))
	for i, ref := range f.layers {
		l, ok, err := b.layers.Get(ref.ID)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("layer %s is gone from the store", ref.ID)
		}
		dirs[i] = l.Dir
	}
	slices.Reverse(dirs)
	return dirs, nil
}

// newID names a layer. It is by chance, not by the step's key: a step that is
// made anew gives other files, and so another layer.
func newID() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// scratchFile is a file of this build alone.
func (b *Builder) scratchFile() (*os.File, error) {
	if err := b.work(); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(b.temp, "output-")
	if err != nil {
		return nil, fmt.Errorf("keep a step's output: %w", err)
	}
	return f, nil
}

// spool keeps a step's standard input in a file, with its hash, since it is
// one of the step's inputs.
func (b *Builder) spool(r io.Reader) (path, sum string, err error) {
	if r == nil {
		return "", "", nil
	}
	if b.opts.Cached {
		sum, err = hashedInput(r)
		return "", sum, err
	}
	f, err := b.scratchFile()
	if err != nil {
		return "", "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), r)
	return f.Name(), hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}
