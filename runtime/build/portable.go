package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/shbuild/shbuild/registry/image"
	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/reason"
)

// CacheTo is where the cache goes after a build.
type CacheTo struct {
	Dir, Tag string
	Max      bool // all steps of the build, not those of the result alone
	Form     Form // of the layers
	Lenient  bool // that it cannot be written is a warning
}

// CacheFrom is a cache that a build may take steps from. One that cannot be read is a warning.
type CacheFrom struct{ Dir, Tag, Digest string }

// portable is what a builder knows of caches that come and go.
type portable struct {
	imports []*cache.Imported
	done    map[string]doneStep // this build's steps, by their keys
	results []*stage            // that were COMMITted
}

// doneStep is a step that this build carried out or found.
type doneStep struct {
	rec   cache.Step
	below files
}

// openImports reads the caches that the build may take from.
func (b *Builder) openImports() {
	b.ported.done = map[string]doneStep{}
	for _, from := range b.opts.CacheFrom {
		im, err := cache.Import(from.Dir, from.Tag, from.Digest)
		if err != nil {
			b.progress.Note(fmt.Sprintf("warning: --cache-from %s: %v", from.Dir, err))
			continue
		}
		b.ported.imports = append(b.ported.imports, im)
	}
}

// noteStep remembers a step for a cache that leaves.
func (b *Builder) noteStep(key string, rec cache.Step, below files) {
	b.mu.Lock()
	b.ported.done[key] = doneStep{rec, below}
	b.mu.Unlock()
}

// imported finds a step in the imported caches and makes it one of the local cache: its layer is unpacked.
func (b *Builder) imported(key string, below files) (cache.Step, bool) {
	if b.opts.Cached {
		return cache.Step{}, false
	}
	for _, im := range b.ported.imports {
		s, ok := im.Steps[key]
		if !ok {
			continue
		}
		_, err, _ := b.flights.Do("import "+key, func() (any, error) { return nil, b.takeOver(b.whole, im, key, s, below) })
		if err == nil {
			return s.Step, true
		}
		b.progress.Note(fmt.Sprintf("warning: --cache-from: %v", err))
	}
	return cache.Step{}, false
}

func (b *Builder) takeOver(ctx context.Context, im *cache.Imported, key string, s cache.PortStep, below files) error {
	stdout, err := im.Output(s)
	if err != nil {
		return err
	}
	if s.Status == 0 {
		if err := b.takeLayer(ctx, im, s.Layer, below); err != nil {
			return err
		}
	}
	if m, ok := im.Made(key); ok {
		if err := b.takeMade(im, key, m); err != nil {
			return err
		}
	}
	return b.cache.PutStep(key, s.Step, bytes.NewReader(stdout))
}

// takeLayer makes a layer of the local store of an imported one, under the same ID, so that the keys of the steps
// above it are the same here.
func (b *Builder) takeLayer(ctx context.Context, im *cache.Imported, id string, below files) (err error) {
	if _, there, err := b.layers.Get(id); err != nil || there {
		return err
	}
	blob, ok := im.Layers[id]
	if !ok {
		return fmt.Errorf("layer %s is not in it", id)
	}
	lowers, err := b.lowers(below)
	if err != nil {
		return err
	}
	in, err := im.Open(blob)
	if err != nil {
		return err
	}
	defer in.Close()
	plain, err := image.Decompress(in, types.MediaType(blob.MediaType))
	if err != nil {
		return err
	}
	defer plain.Close()
	draft, err := b.layers.Draft()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, draft.Discard())
		}
	}()
	checked := newDigester(plain)
	applied, err := layer.Apply(ctx, checked, draft.Dir)
	if err == nil {
		err = finish(checked, in, blob.DiffID)
	}
	if err == nil {
		err = layer.Adopt(draft.Dir, applied.Implied, lowers)
	}
	if err != nil {
		return fmt.Errorf("layer %s: %w", id, err)
	}
	_, err = draft.Commit(id)
	return err
}

// ExportCache writes the steps of the builds where a cache is wanted.
func ExportCache(ctx context.Context, built []Built, to CacheTo) error {
	b := built[0].Builder
	step := b.progress.Begin("write the cache to " + to.Dir)
	err := exportCache(ctx, built, to)
	switch {
	case err == nil:
		step.End(Done)
	case to.Lenient && ctx.Err() == nil:
		step.End(Failed)
		b.progress.Note(fmt.Sprintf("warning: --cache-to: %v", err))
		return nil
	default:
		step.End(Failed)
	}
	return err
}

func exportCache(ctx context.Context, built []Built, to CacheTo) error {
	p := cache.NewPortable()
	for _, x := range built {
		own, err := x.resultLayers(ctx)
		if err != nil {
			return err
		}
		for key, d := range x.Builder.ported.done {
			// What stands on nothing is a source: small, and what stands on it is found by its ID only.
			if !to.Max && d.rec.Status == 0 && !own[d.rec.Layer] && len(d.below.layers) > 0 {
				continue
			}
			if err := x.Builder.portStep(ctx, p, key, d, to.Form); err != nil {
				return err
			}
		}
	}
	return p.Write(to.Dir, to.Tag)
}

// resultLayers are the layers of the result, and of what was COMMITted.
func (x Built) resultLayers(ctx context.Context) (map[string]bool, error) {
	own := map[string]bool{}
	stages := x.Builder.ported.results
	if x.Result.stage != nil {
		stages = append(stages[:len(stages):len(stages)], x.Result.stage)
	}
	for _, s := range stages {
		f, err := s.node.solve(ctx)
		if err != nil {
			return nil, err
		}
		for _, l := range f.layers {
			own[l.ID] = true
		}
	}
	return own, nil
}

func (b *Builder) portStep(ctx context.Context, p *cache.Portable, key string, d doneStep, form Form) error {
	var stdout []byte
	if r, err := b.cache.Stdout(key); err == nil {
		stdout, err = io.ReadAll(r)
		r.Close()
		if err != nil {
			return err
		}
	}
	if d.rec.Status == 0 {
		form.asIs = true
		l, err := b.imageLayer(ctx, d.below.with(layerOf(key, d.rec)), form)
		if err == nil {
			err = p.AddLayer(d.rec.Layer, l)
		}
		if err != nil {
			return err
		}
	}
	p.AddStep(key, d.rec, stdout, b.portMade(p, key))
	return nil
}

// takeMade takes over what is known of how a step came to be.
func (b *Builder) takeMade(im *cache.Imported, key string, m cache.Made) error {
	for _, in := range m.Inputs {
		if in.Name != reason.Content {
			continue
		}
		if content, err := im.Content(in.Value); err == nil {
			if err := b.cache.PutContent(in.Value, content); err != nil {
				return err
			}
		}
	}
	return b.cache.PutMade(key, m)
}

// portMade adds what is known of how a step came to be.
func (b *Builder) portMade(p *cache.Portable, key string) *cache.Made {
	m, ok := b.cache.Made(key)
	if !ok {
		return nil
	}
	for _, in := range m.Inputs {
		if in.Name != reason.Content {
			continue
		}
		if content, err := b.cache.Content(in.Value); err == nil {
			p.AddContent(content)
		}
	}
	return &m
}

// records are all that is known of how steps came to be: here, else in the imported caches.
type records struct{ b *Builder }

func (r records) Made(key string) (cache.Made, bool) {
	m, ok := r.b.cache.Made(key)
	for _, im := range r.b.ported.imports {
		if !ok {
			m, ok = im.Made(key)
		}
	}
	return m, ok
}

func (r records) Near(slot string) []string {
	keys := r.b.cache.Near(slot)
	for _, im := range r.b.ported.imports {
		keys = append(keys, im.Near(slot)...)
	}
	return keys
}

func (r records) Content(digest string) ([]byte, error) {
	content, err := r.b.cache.Content(digest)
	for _, im := range r.b.ported.imports {
		if err != nil {
			content, err = im.Content(digest)
		}
	}
	return content, err
}
