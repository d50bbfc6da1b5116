package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/userns"
)

// changeRoot carries out USERNS: another user of the host is root in the containers of RUN and EXEC. Their files have
// to belong to that user, so a container gets copies of the layers with other owners, which are kept in the layer
// store beside them; what it makes is given back to root before it becomes a layer. So the image, and every key of
// the cache, is what it would be without.
func (b *Builder) changeRoot(s *stage, uid string) (err error) {
	s.root = nil
	if uid == "" {
		return nil
	}
	if err := b.work(); err != nil { // whom there is shows inside
		return err
	}
	if r := b.opts.Isolation; r != nil && r.Rung != isolation.Full {
		return diag.WithHint(fmt.Errorf("isolation %s has no other users", r.Rung), "USERNS takes the rung full: shbuild's first line says what would reach it")
	}
	host, err := strconv.Atoi(uid)
	if err != nil {
		return err
	}
	s.root, err = userns.RootOf(host)
	return err
}

// ownerFor is whom a file has to belong to here so that it is a user's in a container.
func ownerFor(root *userns.Root, uid, gid int) (int, int, error) {
	if root == nil {
		return uid, gid, nil
	}
	there := userns.There{Root: root}
	u, uok := there.UID(uid)
	g, gok := there.GID(gid)
	if !uok || !gok {
		return 0, 0, fmt.Errorf("user %d and group %d do not both exist under USERNS %d", uid, gid, root.Host)
	}
	return u, g, nil
}

// layeredFor is layered with the files as another root's.
func (b *Builder) layeredFor(ctx context.Context, below files, root *userns.Root, f func(root string) error) (id string, err error) {
	return b.drafted(ctx, func(draft *layer.Draft) error {
		at, done, err := b.mountFor(ctx, below, draft, root)
		if err != nil {
			return err
		}
		err = f(at)
		if err = errors.Join(err, done(err == nil)); err != nil {
			return err
		}
		return layer.Reown(ctx, draft.Dir, userns.Back{Root: root})
	})
}

// mountFor is mount with the files as another root's; nil: as they are.
func (b *Builder) mountFor(ctx context.Context, below files, draft *layer.Draft, root *userns.Root) (at string, done func(wanted bool) error, err error) {
	if root == nil {
		return b.mount(ctx, below, draft)
	}
	theirs, err := b.filesFor(ctx, below, root)
	if err != nil {
		return "", nil, err
	}
	lowers, err := b.lowers(theirs)
	if err != nil {
		return "", nil, err
	}
	if draft != nil {
		if err := giveRoot(draft.Dir, root); err != nil {
			return "", nil, err
		}
	}
	return b.mountLowers(ctx, lowers, draft)
}

// giveRoot gives a file to a container's root.
func giveRoot(file string, root *userns.Root) error {
	if root == nil {
		return nil
	}
	uid, gid, err := ownerFor(root, 0, 0)
	if err != nil {
		return err
	}
	return os.Chown(file, uid, gid)
}

// filesFor are copies of layers with another root's owners, made if they are not there.
func (b *Builder) filesFor(ctx context.Context, f files, root *userns.Root) (files, error) {
	var out files
	var missing []layerRef
	for _, ref := range f.layers {
		out.layers = append(out.layers, layerRef{ID: idFor(ref.ID, root)})
		if _, there, err := b.layers.Get(idFor(ref.ID, root)); err != nil {
			return files{}, err
		} else if !there {
			missing = append(missing, ref)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	step := b.progress.Begin(fmt.Sprintf("copy layers for user %d: %d of %d", root.Host, len(missing), len(f.layers)))
	group, _ := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, ref := range missing {
		group.Go(func() error {
			_, err, _ := b.flights.Do("layer "+idFor(ref.ID, root), func() (any, error) { return nil, b.cloneFor(b.whole, ref.ID, root) })
			return err
		})
	}
	err := group.Wait()
	if err != nil {
		step.End(Failed)
		return files{}, err
	}
	step.End(Done)
	return out, nil
}

// idFor names the copy of a layer.
func idFor(id string, root *userns.Root) string { return id + ".root-" + root.String() }

// cloneFor makes the copy of one layer, or waits for another build that makes it.
func (b *Builder) cloneFor(ctx context.Context, id string, root *userns.Root) (err error) {
	unlock, err := b.cache.Lock(ctx, "layer-"+idFor(id, root))
	if err != nil {
		return err
	}
	defer unlock()
	if _, there, err := b.layers.Get(idFor(id, root)); there || err != nil {
		return err
	}
	from, there, err := b.layers.Get(id)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("layer %s is gone from the store", id)
	}
	draft, err := b.layers.Draft()
	if err != nil {
		return err
	}
	if err := layer.Clone(ctx, from.Dir, draft.Dir, userns.There{Root: root}); err != nil {
		return errors.Join(fmt.Errorf("copy a layer for user %d: %w", root.Host, err), draft.Discard())
	}
	_, err = draft.Commit(idFor(id, root))
	return err
}
