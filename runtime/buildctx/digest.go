package buildctx

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"path"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const (
	digestVersion      = "shbuild copy 2\n"
	stageDigestVersion = "shbuild copy 2 of a stage\n" // with owners and capabilities
)

// hashers is how many files are read at once, ahead how many may be known before the file that is next
// in order: they bound open files and memory.
const hashers, ahead = 4, 256

// Digest is the SHA-256, in hex, of everything about the matches that a COPY of them can show: names
// below each match, kinds, modes, contents, symlinks, which files are one file, and, from a stage,
// owners and file capabilities. Times do not count, and neither does where a folder stands. Flags and
// destination are the caller's to add.
func (t *Tree) Digest(ctx context.Context, m []Match) (string, error) {
	digest, _, err := t.Contents(ctx, m)
	return digest, err
}

// Contents is Digest with what it is the digest of, for Differences; nil: that is too much to keep.
func (t *Tree) Contents(ctx context.Context, m []Match) (digest string, contents []byte, err error) {
	d := &digester{view: t.view(), records: make(chan *record, ahead), work: make(chan *record)}
	sum := &keeper{Hash: sha256.New()}
	if t.stage {
		io.WriteString(sum, stageDigestVersion)
	} else {
		io.WriteString(sum, digestVersion)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(d.records)
		defer close(d.work)
		for _, m := range m {
			if err := d.match(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
	for range hashers {
		g.Go(d.hash)
	}
	g.Go(func() error { return d.write(ctx, sum) })
	if err := g.Wait(); err != nil {
		return "", nil, err
	}
	return hex.EncodeToString(sum.Sum(nil)), sum.kept, nil
}

// A digester is a walk that makes records, workers that read files, and a writer that takes the records
// in order.
type digester struct {
	*view
	records chan *record
	work    chan *record
	links   map[inode]string // the first name of files that have several
}

type inode struct{ dev, ino uint64 }

// A record is what one entry adds to the digest.
type record struct {
	head    []byte
	content bool // sum follows head
	sum     [sha256.Size]byte

	done chan struct{} // closed when sum is known; nil: it is
	path string
	fd   int
	stat unix.Stat_t
}

func (d *digester) send(ctx context.Context, r *record) error {
	select {
	case d.records <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *digester) match(ctx context.Context, m Match) error {
	p, err := d.resolve(m.Path)
	if err != nil {
		return err
	}
	defer p.close()
	if !p.exists() {
		return d.lost(m, p)
	}
	d.links = map[inode]string{}
	if !p.isDir() {
		n := &node{name: p.file, path: p.path(), stat: p.stat}
		return d.entry(ctx, path.Base(m.Path), &item{node: n, fd: p.dir()})
	}
	mark := func(b byte) error { return d.send(ctx, &record{head: []byte{b}}) }
	// The folder itself does not count: COPY takes only what is in it.
	if err := mark(markFolder); err != nil {
		return err
	}
	err = d.walkFrom(m, p, visitor{
		enter: func(n *item, _ bool) error { return d.entry(ctx, n.name, n) },
		file:  func(n *item) error { return d.entry(ctx, n.name, n) },
		leave: func(*item) error { return mark(markEnd) },
	})
	if err != nil {
		return err
	}
	return mark(markEnd)
}

// What begins a record, or a part of one.
const (
	markFolder  = 'D'
	markEnd     = 'U'
	markEntry   = 'E'
	markContent = 'C'
	markLink    = 'L'
)

// entry makes the record of a file or folder.
func (d *digester) entry(ctx context.Context, name string, n *item) error {
	b := appendString([]byte{markEntry}, name)
	b = binary.AppendUvarint(b, uint64(n.stat.Mode))
	if d.stage {
		b = binary.AppendUvarint(b, uint64(n.stat.Uid))
		b = binary.AppendUvarint(b, uint64(n.stat.Gid))
	}
	switch n.kind() {
	case unix.S_IFREG:
		return d.regular(ctx, b, n)
	case unix.S_IFLNK:
		target, err := readlink(n.fd, n.name)
		if err != nil {
			return unreadable(n.path, err)
		}
		b = appendString(b, target)
	case unix.S_IFCHR, unix.S_IFBLK:
		b = binary.AppendUvarint(b, n.stat.Rdev)
	}
	return d.send(ctx, &record{head: b})
}

func (d *digester) regular(ctx context.Context, head []byte, n *item) error {
	if n.stat.Nlink > 1 {
		id := inode{uint64(n.stat.Dev), n.stat.Ino}
		if first, ok := d.links[id]; ok {
			return d.send(ctx, &record{head: appendString(append(head, markLink), first)})
		}
		d.links[id] = n.sub
	}
	r := &record{content: true}
	var known bool
	if r.sum, known = d.hashes.get(&n.stat); known && !d.stage {
		r.head = append(head, markContent)
		return d.send(ctx, r)
	}
	var err error
	if r.fd, err = openRegular(n.fd, n.name, &r.stat); err != nil {
		return unreadable(n.path, err)
	}
	if d.stage {
		head = appendString(head, string(capability(r.fd)))
	}
	r.head, r.path = append(head, markContent), n.path
	if known {
		unix.Close(r.fd)
		return d.send(ctx, r)
	}
	r.done = make(chan struct{})
	select {
	case d.work <- r:
		return d.send(ctx, r)
	case <-ctx.Done():
		unix.Close(r.fd)
		return ctx.Err()
	}
}

// hash reads files until there are no more.
func (d *digester) hash() error {
	buf := make([]byte, 128<<10)
	h := sha256.New()
	for r := range d.work {
		start := time.Now()
		h.Reset()
		err := readAll(r.fd, buf, func(b []byte) error { h.Write(b); return nil })
		var now unix.Stat_t
		if err == nil {
			err = unix.Fstat(r.fd, &now)
		}
		unix.Close(r.fd)
		if err != nil {
			return unreadable(r.path, err)
		}
		h.Sum(r.sum[:0])
		if idOf(&now) == idOf(&r.stat) {
			d.hashes.put(&now, start, r.sum)
		}
		close(r.done)
	}
	return nil
}

func (d *digester) write(ctx context.Context, sum hash.Hash) error {
	for r := range d.records {
		if r.done != nil {
			select {
			case <-r.done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		sum.Write(r.head)
		if r.content {
			sum.Write(r.sum[:])
		}
	}
	return nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
