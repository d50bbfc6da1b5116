package buildctx

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// writers is how many files of a folder are copied at once, queued how many may wait: they bound the
// open folders.
const writers, queued = 4, 64

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
	f := &folderCopy{copier: c, tasks: make(chan task, queued), path: []*target{t}, links: map[inode]string{}}
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
	links map[inode]string // where the first name of a file with several went, below the first target
}

type task struct {
	node *node
	to   *target
}

func (f *folderCopy) walk(ctx context.Context, m Match, p *place) (err error) {
	defer close(f.tasks)
	defer func() {
		for len(f.path) > 0 {
			err = cmp.Or(err, f.pop())
		}
	}()
	return f.view.walkFrom(m, p, visitor{
		enter: func(n *item, late bool) error {
			t, err := f.enter(f.path[len(f.path)-1], n, late)
			if err == nil {
				f.path = append(f.path, t)
			}
			return err
		},
		file: func(n *item) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f.file(ctx, n)
		},
		leave: func(*item) error { return f.pop() },
	})
}

func (f *folderCopy) pop() error {
	t := f.path[len(f.path)-1]
	f.path = f.path[:len(f.path)-1]
	return f.release(t)
}

func (f *folderCopy) file(ctx context.Context, n *item) error {
	t := f.path[len(f.path)-1]
	if n.kind() != unix.S_IFREG {
		return f.entry(n.fd, n.node, t, n.name, nil)
	}
	if n.stat.Nlink > 1 {
		return f.linked(n, t)
	}
	t.users.Add(1)
	select {
	case f.tasks <- task{n.node, t}:
		return nil
	case <-ctx.Done():
		return cmp.Or(ctx.Err(), f.release(t))
	}
}

// linked copies a file that has several names at once, because the next name needs it.
func (f *folderCopy) linked(n *item, t *target) error {
	id := inode{uint64(n.stat.Dev), n.stat.Ino}
	first, ok := f.links[id]
	if !ok {
		f.links[id] = n.sub
		return f.entry(n.fd, n.node, t, n.name, nil)
	}
	// Every folder on the way to the first name was entered by this walk, none through a symlink.
	top := f.path[0]
	err := f.retry(t, n.name, func() error { return unix.Linkat(top.fd, first, t.fd, n.name, 0) })
	if err != nil {
		return writeError(t, n.name, "make the hard link", err)
	}
	return nil
}

func (f *folderCopy) work(ctx context.Context) error {
	buf := make([]byte, bufferSize)
	var failed error
	for k := range f.tasks {
		if failed == nil && ctx.Err() == nil {
			failed = f.entry(k.to.src, k.node, k.to, k.node.name, buf)
		}
		if err := f.release(k.to); failed == nil {
			failed = err
		}
	}
	return failed
}
