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
	"github.com/shbuild/shbuild/registry/store"
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
		form = Form{Later: form.Later} // a base's layer stays as it came
	}
	id := b.blobKey(top, form)
	wanted := id
	if form.Later {
		wanted += " later"
	}
	v, found := b.made.Load(wanted)
	if !found {
		var err error
		v, err, _ = b.blobs.Do(wanted, func() (any, error) {
			blob, err := b.makeBlob(ctx, f, id, form)
			if err == nil {
				b.made.Store(wanted, blob)
			}
			return blob, why(ctx, err) // others may wait for the same, who know of another ctx
		})
		if err != nil {
			return nil, err
		}
	}
	return b.layerOf(f, v.(cache.Blob))
}

// layerOf is the topmost layer with its blob. One that has none is its tar.
func (b *Builder) layerOf(f files, blob cache.Blob) (v1.Layer, error) {
	later := blob.Digest == ""
	if later {
		blob.Digest, blob.Size, blob.MediaType = blob.DiffID, blob.Tar, string(types.OCIUncompressedLayer)
	}
	diffID, derr := v1.NewHash(blob.DiffID)
	digest, gerr := v1.NewHash(blob.Digest)
	if err := errors.Join(derr, gerr); err != nil {
		return nil, fmt.Errorf("layer %s: %w", f.layers[len(f.layers)-1].ID, err)
	}
	desc := v1.Descriptor{MediaType: types.MediaType(blob.MediaType), Digest: digest, Size: blob.Size}
	if later {
		desc.Annotations = map[string]string{store.Later: "files"}
		return laterLayer{image.Layer(desc, diffID, func() (io.ReadCloser, error) { return b.tar(f), nil }), desc}, nil
	}
	return image.Layer(desc, diffID, func() (io.ReadCloser, error) { return b.images.Blob(digest) }), nil
}

// stores says whether the store has a blob that the cache knows.
func (b *Builder) stores(blob cache.Blob) bool {
	digest, err := v1.NewHash(blob.Digest)
	return err == nil && b.images.Has(digest)
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

// makeBlob writes the topmost layer's tar, compressed, into the store, unless it is there. In a form that is Later it
// only finds out what the tar is; the blob has no digest then.
func (b *Builder) makeBlob(ctx context.Context, f files, id string, form Form) (_ cache.Blob, err error) {
	top := f.layers[len(f.layers)-1]
	ctx, span := trace.Start(trace.On(ctx, blobsTrack), "blob of "+cmp.Or(top.Title, "a base's layer"))
	defer func() { ended(span, err) }()
	span.Text("layer", top.ID)
	blob, ok := b.cache.Blob(id)
	if ok && b.stores(blob) {
		span.Text("cache", "hit")
		return blob, nil
	}
	if form.Later {
		if blob.Tar == 0 {
			return b.measure(ctx, f, id, form)
		}
		span.Text("cache", "hit")
		return cache.Blob{DiffID: blob.DiffID, Tar: blob.Tar}, nil
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
	return b.putBlob(id, form, "", func(w io.Writer) error { return b.writeLayer(ctx, w, f, form) })
}

// writeLayer writes the topmost layer's tar.
func (b *Builder) writeLayer(ctx context.Context, w io.Writer, f files, form Form) error {
	if err := b.work(); err != nil { // owners can be told inside alone
		return err
	}
	top := f.layers[len(f.layers)-1]
	dirs, err := b.lowers(f)
	if err != nil {
		return err
	}
	var o layer.WriteOptions
	if b.rewrites(top, form) {
		o.Epoch = b.epoch
	}
	if err := layer.Write(ctx, w, dirs[0], dirs[1:], o); err != nil {
		return fmt.Errorf("write layer %s as a tar: %w", top.ID, err)
	}
	return nil
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
	var size int64
	if diffID == "" {
		tar := newHashing(compressed)
		err = write(tar)
		diffID, size = tar.sum(), tar.size
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
	blob := cache.Blob{DiffID: diffID, Tar: size, Digest: desc.Digest.String(), Size: desc.Size, MediaType: string(form.compression().MediaType())}
	return blob, b.cache.PutBlob(id, blob)
}

// usualBlob is the blob that a layer has already, where id is another form of it.
func (b *Builder) usualBlob(f files, id string, form Form) (cache.Blob, bool) {
	l := f.layers[len(f.layers)-1]
	if id == l.ID || b.rewrites(l, form) {
		return cache.Blob{}, false
	}
	blob, ok := b.cache.Blob(l.ID)
	return blob, ok && b.stores(blob)
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
