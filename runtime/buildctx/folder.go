package buildctx

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Of a folder's files writers are copied at once. They are handed on batch by batch, since handing one on costs a
// wake-up. Queued is how many batches may wait: it bounds the open folders, and the memory.
const writers, batch, queued = 4, 32, 16

// folder copies what is in a source folder into dest.
func (c *copier) folder(ctx context.Context, m Match, p *place) error {
	t, err := c.folderTarget()
	if err != nil {
		return err
	}
	if c.view.stage || p.path() != "" {
		t.take = takeTimes // a build context's own folder has no time to give: BuildKit receives what is in it
	}
	if err := unix.Fstat(p.dir(), &t.from); err != nil {
		return cmp.Or(unreadable(p.path(), err), c.release(t))
	}
	f := &folderCopy{copier: c, tasks: make(chan task, queued), path: []*target{t}}
	c.links = map[inode]string{}
	defer func() { c.links = nil }()
	if t.src, err = openDir(p.dir(), "."); err != nil {
		return cmp.Or(unreadable(p.path(), err), c.release(t))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.walk(ctx, m, p) })
	for range writers {
		g.Go(func() error { return f.work(ctx) })
	}
	return g.Wait()
}

// folderCopy is a walk over a source folder that makes folders, links and special files itself and
// leaves regular files to workers.
type folderCopy struct {
	*copier
	tasks chan task
	path  []*target
	batch []*node // of the folder that the walk is in, for a worker
}

type task struct {
	nodes []*node
	to    *target
}

func (f *folderCopy) walk(ctx context.Context, m Match, p *place) (err error) {
	defer close(f.tasks)
	defer func() {
		for len(f.path) > 0 {
			err = cmp.Or(err, f.pop(ctx))
		}
	}()
	return f.view.walkFrom(m, p, visitor{
		kinds: true,
		enter: func(n *item, late bool) error {
			if err := f.flush(ctx); err != nil {
				return err
			}
			t, err := f.enter(f.path[len(f.path)-1], n, late)
			if err == nil {
				f.path = append(f.path, t)
			}
			return err
		},
		file:  func(n *item) error { return f.file(ctx, n) },
		leave: func(*item) error { return f.pop(ctx) },
	})
}

func (f *folderCopy) pop(ctx context.Context) error {
	err := f.flush(ctx)
	t := f.path[len(f.path)-1]
	f.path = f.path[:len(f.path)-1]
	return cmp.Or(err, f.release(t))
}

func (f *folderCopy) file(ctx context.Context, n *item) error {
	if n.kind() != unix.S_IFREG {
		return f.entry(n.fd, n.node, f.path[len(f.path)-1], n.name, nil)
	}
	if f.batch = append(f.batch, n.node); len(f.batch) < batch {
		return nil
	}
	return f.flush(ctx)
}

// flush hands the batch to a worker.
func (f *folderCopy) flush(ctx context.Context) error {
	if len(f.batch) == 0 {
		return nil
	}
	t := f.path[len(f.path)-1]
	t.users.Add(1)
	k := task{f.batch, t}
	f.batch = nil
	select {
	case f.tasks <- k:
		return nil
	case <-ctx.Done():
		return cmp.Or(ctx.Err(), f.release(t))
	}
}

func (f *folderCopy) work(ctx context.Context) error {
	buf := make([]byte, bufferSize)
	var failed error
	for k := range f.tasks {
		for _, n := range k.nodes {
			if failed == nil && ctx.Err() == nil {
				failed = f.regular(k.to.src, n, k.to, n.name, buf)
			}
		}
		if err := f.release(k.to); failed == nil {
			failed = err
		}
	}
	return failed
}
