package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/shbuild/shbuild/registry/image"
	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/trace"
)

// imageLayers are the layers as an image has them, compressed and in the store. Two
// are made at a time; each is given to made at once.
func (b *Builder) imageLayers(ctx context.Context, f files, form Form, made func(v1.Layer)) ([]v1.Layer, error) {
	out := make([]v1.Layer, len(f.layers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range f.layers {
		group.Go(func() (err error) {
			if out[i], err = b.imageLayer(ctx, files{f.layers[:i+1]}, form); err == nil {
				made(out[i])
			}
			return err
		})
	}
	return out, group.Wait()
}

// imageLayer is the topmost layer of the stack as an image has it.
func (b *Builder) imageLayer(ctx context.Context, f files, form Form) (v1.Layer, error) {
	top := f.layers[len(f.layers)-1]
	if top.Created.IsZero() && !form.Force {
		form = Form{} // a base's layer stays as it came
	}
	id := b.blobKey(top, form)
	v, found := b.made.Load(id)
	if !found {
		var err error
		v, err, _ = b.blobs.Do(id, func() (any, error) {
			blob, err := b.makeBlob(ctx, f, id, form)
			if err == nil {
				b.made.Store(id, blob)
			}
			return blob, why(ctx, err) // others may wait for the same, who know of another ctx
		})
		if err != nil {
			return nil, err
		}
	}
	blob := v.(cache.Blob)
	diffID, derr := v1.NewHash(blob.DiffID)
	digest, gerr := v1.NewHash(blob.Digest)
	if err := errors.Join(derr, gerr); err != nil {
		return nil, fmt.Errorf("layer %s: %w", id, err)
	}
	open := func() (io.ReadCloser, error) { return b.images.Blob(digest) }
	desc := v1.Descriptor{MediaType: types.MediaType(blob.MediaType), Digest: digest, Size: blob.Size}
	return image.Layer(desc, diffID, open), nil
}

// rewrites says whether a layer's files get other times in an image than they have on disk. A base's
// layers are left as they are, as in BuildKit.
func (b *Builder) rewrites(l layerRef, form Form) bool {
	return !form.asIs && b.opts.Rewrite && b.epoch != nil && !l.Created.IsZero()
}

// blobKey is what a layer's blob is remembered by.
func (b *Builder) blobKey(l layerRef, form Form) string {
	id := l.ID
	if b.rewrites(l, form) {
		id = fmt.Sprintf("%s-%d", id, b.epoch.Unix())
	}
	return id + form.suffix()
}

// makeBlob writes the topmost layer's tar, compressed, into the store, unless
// it is there.
func (b *Builder) makeBlob(ctx context.Context, f files, id string, form Form) (_ cache.Blob, err error) {
	top := f.layers[len(f.layers)-1]
	ctx, span := trace.Start(trace.On(ctx, blobsTrack), "blob of "+cmp.Or(top.Title, "a base's layer"))
	defer func() { ended(span, err) }()
	span.Text("layer", top.ID)
	if blob, ok := b.cache.Blob(id); ok && blob.Digest != "" {
		if digest, err := v1.NewHash(blob.Digest); err == nil && b.images.Has(digest) {
			span.Text("cache", "hit")
			return blob, nil
		}
	}
	if usual, ok := b.usualBlob(f, id, form); ok {
		if usual.MediaType == string(form.compression().MediaType()) && form.Level == nil {
			return usual, nil
		}
		if err := b.work(); err != nil {
			return cache.Blob{}, err
		}
		return b.recompress(ctx, usual, id, form)
	}
	if err := b.work(); err != nil {
		return cache.Blob{}, err
	}
	dirs, err := b.lowers(f)
	if err != nil {
		return cache.Blob{}, err
	}
	var o layer.WriteOptions
	if b.rewrites(f.layers[len(f.layers)-1], form) {
		o.Epoch = b.epoch
	}
	return b.putBlob(id, form, "", func(w io.Writer) error {
		if err := layer.Write(ctx, w, dirs[0], dirs[1:], o); err != nil {
			return fmt.Errorf("write layer %s as a tar: %w", id, err)
		}
		return nil
	})
}

// putBlob puts a layer's tar, as write writes it, into the store, compressed as the form says. Where the tar's diff ID
// is known it is not computed anew.
func (b *Builder) putBlob(id string, form Form, diffID string, write func(io.Writer) error) (cache.Blob, error) {
	w, err := b.images.Create()
	if err != nil {
		return cache.Blob{}, err
	}
	defer w.Discard()
	compressed, err := image.CompressLevel(w, form.compression(), form.Level)
	if err != nil {
		return cache.Blob{}, err
	}
	if diffID == "" {
		tar := newHashing(compressed)
		err = write(tar)
		diffID = tar.sum()
	} else {
		err = write(compressed)
	}
	if cerr := compressed.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("compress layer %s: %w", id, cerr)
	}
	if err != nil {
		return cache.Blob{}, err
	}
	desc, err := w.Commit(v1.Hash{})
	if err != nil {
		return cache.Blob{}, err
	}
	blob := cache.Blob{DiffID: diffID, Digest: desc.Digest.String(), Size: desc.Size, MediaType: string(form.compression().MediaType())}
	return blob, b.cache.PutBlob(id, blob)
}

// usualBlob is the blob that a layer has already, where id is another form of it.
func (b *Builder) usualBlob(f files, id string, form Form) (cache.Blob, bool) {
	l := f.layers[len(f.layers)-1]
	if id == l.ID || b.rewrites(l, form) {
		return cache.Blob{}, false
	}
	blob, ok := b.cache.Blob(l.ID)
	if !ok || blob.Digest == "" {
		return blob, false
	}
	digest, err := v1.NewHash(blob.Digest)
	return blob, err == nil && b.images.Has(digest)
}

// recompress gives a blob another compression. Its tar stays: a base's is not what this version would write.
func (b *Builder) recompress(ctx context.Context, from cache.Blob, id string, form Form) (cache.Blob, error) {
	digest, err := v1.NewHash(from.Digest)
	if err != nil {
		return cache.Blob{}, err
	}
	in, err := b.images.Blob(digest)
	if err != nil {
		return cache.Blob{}, err
	}
	defer in.Close()
	plain, err := image.Decompress(in, types.MediaType(from.MediaType))
	if err != nil {
		return cache.Blob{}, err
	}
	defer plain.Close()
	return b.putBlob(id, form, from.DiffID, func(w io.Writer) error {
		if _, err := io.Copy(w, untilDone{ctx, plain}); err != nil {
			return fmt.Errorf("compress layer %s anew: %w", from.DiffID, err)
		}
		return nil
	})
}

// beginBlob makes the topmost layer's blob while later steps run.
func (b *Builder) beginBlob(f files) {
	if len(f.layers) == 0 {
		return
	}
	b.early.Go(func() {
		// Whoever needs the blob meets the error again.
		_, _ = b.imageLayer(b.whole, f, b.opts.Form)
	})
}
