package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/image-spec/identity"
	"golang.org/x/sync/errgroup"

	"github.com/shbuild/shbuild/registry/image"
	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/trace"
)

// unpackNode is the node of the base's files; all FROMs of one base share it.
func (b *Builder) unpackNode(img *base, in *input, title string) *node {
	img.unpack.Do(func() {
		if img.node != nil {
			return
		}
		img.node = &node{make: func(ctx context.Context, _ files, _ []files) (files, error) {
			f, err := b.unpacked(ctx, img, in, title)
			return f, in.wrap(err)
		}}
	})
	return img.node
}

func (b *Builder) unpacked(ctx context.Context, img *base, in *input, title string) (f files, err error) {
	ctx, span := trace.Start(trace.On(ctx, basesTrack), "FROM "+img.name) // it may be several stages'
	in.place.tell(span)
	defer func() { ended(span, err) }()
	if img.folder != nil {
		return b.contextFiles(ctx, img)
	}
	step := b.progress.Begin(title)
	how := Failed
	defer func() {
		step.End(how)
		img.how.Store(how)
	}()
	if img.image == nil {
		f, how, err = b.unpackBuiltin(ctx)
	} else if f, how, err = b.unpackImage(ctx, img, step); err != nil {
		how = Failed
	}
	if how == Cached {
		span.Text("cache", "hit")
	}
	if err != nil && ctx.Err() != nil {
		how = Canceled
	}
	return f, err
}

// unpackImage makes folders of the image's layers, side by side, while they
// come from the registry; what is here already is not fetched.
func (b *Builder) unpackImage(ctx context.Context, img *base, step Step) (files, Ending, error) {
	layers, err := img.image.Layers()
	if err != nil {
		return files{}, Failed, err
	}
	if len(layers) != len(img.config.RootFS.DiffIDs) {
		return files{}, Failed, fmt.Errorf("%s: its manifest has %d layers, its configuration %d", img.name, len(layers), len(img.config.RootFS.DiffIDs))
	}
	u := &unpacking{b: b, step: step, layers: img.unpacked(), image: img.identity()}
	for i, l := range layers {
		u.layers[i].from = l
	}
	if !b.lacks(u.layers) {
		return u.files(), Cached, b.keepBase(ctx, img)
	}
	if err := b.work(); err != nil {
		return files{}, Canceled, err
	}
	// One lock for the whole image: with one for each layer, two builds could wait for each other.
	waiting, wait := trace.Start(ctx, "wait for other builds")
	unlock, err := b.cache.Lock(waiting, "base-"+u.layers[len(layers)-1].folder())
	wait.End()
	if err != nil {
		return files{}, Failed, err
	}
	defer unlock()
	if err := u.run(ctx); err != nil {
		return files{}, Failed, fmt.Errorf("%s: %w", img.name, err)
	}
	how := Done
	if !img.remote {
		how = Cached
	}
	return u.files(), how, b.keepBase(ctx, img)
}

// unpacked are the image's layers as they are in the layer store, if they are there.
func (img *base) unpacked() []*unpackedLayer {
	var all []*unpackedLayer
	for i, chain := range identity.ChainIDs(slices.Clone(img.config.RootFS.DiffIDs)) {
		all = append(all, &unpackedLayer{chain: chain.String(), diffID: img.config.RootFS.DiffIDs[i].String()})
	}
	return all
}

// keepBase puts an image that came from its registry into the store.
func (b *Builder) keepBase(ctx context.Context, img *base) error {
	if !img.remote {
		return nil
	}
	ctx, span := trace.Start(ctx, "keep the base image")
	defer span.End()
	desc, err := b.images.Put(ctx, img.image)
	if err != nil {
		return err
	}
	return b.images.Tag(img.name, desc, storePlatform(img.platform))
}

// unpacking is the work of making folders of one image's layers.
type unpacking struct {
	b      *Builder
	step   Step
	layers []*unpackedLayer // the lowest first
	image  string           // which it is (reason.Image)
	done   atomic.Int64     // bytes
	total  int64
}

type unpackedLayer struct {
	from          v1.Layer
	chain, diffID string
	id            string // in the layer store; empty: not there yet
	draft         *layer.Draft
	implied       []string
}

// folder is the ID that the layer gets in the layer store.
func (l *unpackedLayer) folder() string { return strings.ReplaceAll(l.chain, ":", "-") }

// atOnce is how many layers are fetched and unpacked side by side.
const atOnce = 4

func (u *unpacking) run(ctx context.Context) (err error) {
	defer func() {
		for _, l := range u.layers {
			if l.draft != nil {
				err = errors.Join(err, l.draft.Discard())
			}
		}
	}()
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, l := range u.layers {
		if u.b.haveLayer(l) {
			continue
		}
		size, err := l.from.Size()
		if err != nil {
			return err
		}
		u.total += size
	}
	for _, l := range u.layers {
		if l.id == "" {
			group.Go(func() error { return u.apply(gctx, l) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return u.commit(ctx)
}

// lacks tells whether some of the layers are not unpacked here.
func (b *Builder) lacks(layers []*unpackedLayer) bool {
	return slices.ContainsFunc(layers, func(l *unpackedLayer) bool { return !b.haveLayer(l) })
}

// haveLayer finds a layer that is unpacked already: by an earlier pull, or
// because it was built here.
func (b *Builder) haveLayer(l *unpackedLayer) bool {
	id, ok := b.cache.Chain(l.chain)
	if !ok {
		return false
	}
	if _, there, err := b.layers.Get(id); err != nil || !there {
		return false
	}
	l.id = id
	return true
}

func (u *unpacking) apply(ctx context.Context, l *unpackedLayer) (err error) {
	ctx, span := trace.Start(trace.On(ctx, layersTrack), "layer "+l.diffID)
	defer func() { ended(span, err) }()
	r, mediaType, err := u.open(l)
	if err != nil {
		return err
	}
	defer r.Close()
	if l.draft, err = u.b.layers.Draft(); err != nil {
		return err
	}
	content, err := image.Decompress(&counted{r: span.Reader("compressed", r), u: u}, types.MediaType(mediaType))
	if err != nil {
		return fmt.Errorf("layer %s: %w", l.diffID, err)
	}
	defer content.Close()
	checked := newDigester(content)
	applied, err := layer.Apply(ctx, checked, l.draft.Dir)
	if err != nil {
		// Damaged content shows as a broken archive first; that its digest is wrong says more.
		if _, derr := io.Copy(io.Discard, untilDone{ctx, r}); derr != nil && ctx.Err() == nil {
			err = derr
		}
		return fmt.Errorf("layer %s: %w", l.diffID, err)
	}
	l.implied = applied.Implied
	for _, s := range applied.Skipped {
		u.b.progress.Note(fmt.Sprintf("%s: left out: %s", s.Name, s.Reason))
	}
	return finish(checked, r, l.diffID)
}

// open opens a layer's compressed bytes: the store's, else the registry's,
// which are stored on the way.
func (u *unpacking) open(l *unpackedLayer) (io.ReadCloser, string, error) {
	digest, err := l.from.Digest()
	if err != nil {
		return nil, "", err
	}
	mediaType, err := l.from.MediaType()
	if err != nil {
		return nil, "", err
	}
	if u.b.images.Has(digest) {
		r, err := u.b.images.Blob(digest)
		return r, string(mediaType), err
	}
	size, err := l.from.Size()
	if err != nil {
		return nil, "", err
	}
	r, err := l.from.Compressed()
	if err != nil {
		return nil, "", fmt.Errorf("fetch layer %s: %w", digest, err)
	}
	return u.b.images.Tee(digest, size, r), string(mediaType), nil
}

// commit puts the new folders into the layer store, the lowest first, since a
// folder that a layer only implies is like the one below it.
func (u *unpacking) commit(ctx context.Context) error {
	_, span := trace.Start(ctx, "adopt the layers")
	defer span.End()
	var lowers []string
	for _, l := range u.layers {
		if l.draft != nil {
			if err := layer.Adopt(l.draft.Dir, l.implied, lowers); err != nil {
				return err
			}
			l.id = l.folder()
			if _, err := l.draft.Commit(l.id); err != nil {
				return err
			}
			l.draft = nil
			if err := u.record(l); err != nil {
				return err
			}
		}
		found, _, err := u.b.layers.Get(l.id)
		if err != nil {
			return err
		}
		lowers = append([]string{found.Dir}, lowers...)
	}
	return nil
}

func (u *unpacking) record(l *unpackedLayer) error {
	digest, err := l.from.Digest()
	if err != nil {
		return err
	}
	size, err := l.from.Size()
	if err != nil {
		return err
	}
	mediaType, err := l.from.MediaType()
	if err != nil {
		return err
	}
	blob := cache.Blob{DiffID: l.diffID, Digest: digest.String(), Size: size, MediaType: string(mediaType)}
	return errors.Join(u.b.cache.PutBlob(l.id, blob), u.b.cache.PutChain(l.chain, l.id))
}

func (u *unpacking) files() files {
	var f files
	for _, l := range u.layers {
		f.layers = append(f.layers, layerRef{ID: l.id, Made: u.image})
	}
	return f
}

// untilDone is a reader that ends with its context.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(p)
}

// counted tells the display how far the fetching has come.
type counted struct {
	r io.Reader
	u *unpacking
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.u.step.Advance(c.u.done.Add(int64(n)), c.u.total)
	return n, err
}
