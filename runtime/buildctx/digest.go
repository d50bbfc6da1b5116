package buildctx

import (
	"cmp"
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

// Files are read by hashers at once. They are handed on group by group, since handing one on costs a wake-up. Ahead is how
// many groups may be known before the one that is next in order: it bounds open folders and memory.
const hashers, groupSize, ahead = 4, 32, 16

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
	d := &digester{view: t.view(), groups: make(chan *group, ahead), work: make(chan *group)}
	sum := &keeper{Hash: sha256.New()}
	if t.stage {
		io.WriteString(sum, stageDigestVersion)
	} else {
		io.WriteString(sum, digestVersion)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(d.groups)
		defer close(d.work)
		for _, m := range m {
			if err := d.match(ctx, m); err != nil {
				return cmp.Or(err, d.drop())
			}
		}
		return d.flush(ctx)
	})
	for range hashers {
		g.Go(func() error { return d.hash(ctx) })
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
	groups chan *group
	work   chan *group
	group  *group           // that the walk adds to; nil: none
	at     string           // the folder of the last match
	links  map[inode]string // the first name of files that have several
}

type inode struct{ dev, ino uint64 }

// A group is some records that follow each other.
type group struct {
	records []record
	dir     int           // the folder of the files that are to be read; none: all is known
	done    chan struct{} // closed when all is known
}

// A record is what one entry adds to the digest.
type record struct {
	head    []byte
	content bool // sum follows head
	sum     [sha256.Size]byte

	read bool // the file has to be opened
	know bool // … but its sum is known
	name string
	path string
}

// add takes a record into the group.
func (d *digester) add(ctx context.Context, r record) error {
	if d.group == nil {
		d.group = &group{dir: none, records: make([]record, 0, groupSize)}
	}
	d.group.records = append(d.group.records, r)
	if len(d.group.records) == groupSize {
		return d.flush(ctx)
	}
	return nil
}

// flush hands the group on.
func (d *digester) flush(ctx context.Context) error {
	g := d.group
	if d.group = nil; g == nil {
		return nil
	}
	if g.dir != none {
		g.done = make(chan struct{})
		select {
		case d.work <- g: // from now on the worker closes the folder
		case <-ctx.Done():
			unix.Close(g.dir)
			return ctx.Err()
		}
	}
	select {
	case d.groups <- g:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drop gives the group up.
func (d *digester) drop() error {
	if d.group != nil && d.group.dir != none {
		unix.Close(d.group.dir)
	}
	return nil
}

// turn is called when the walk enters or leaves a folder: a group reads files of one.
func (d *digester) turn(ctx context.Context) error {
	if d.group != nil && d.group.dir != none {
		return d.flush(ctx)
	}
	return nil
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
	// The last match may have been a file elsewhere.
	if dir := path.Dir(p.path()); p.isDir() || dir != d.at {
		d.at = dir
		if err := d.turn(ctx); err != nil {
			return err
		}
	}
	if !p.isDir() {
		n := &node{name: p.file, path: p.path(), stat: p.stat}
		return d.entry(ctx, path.Base(m.Path), &item{node: n, fd: p.dir()})
	}
	mark := func(b byte) error { return d.add(ctx, record{head: []byte{b}}) }
	// The folder itself does not count: COPY takes only what is in it.
	if err := mark(markFolder); err != nil {
		return err
	}
	err = d.walkFrom(m, p, visitor{
		enter: func(n *item, _ bool) error { return cmp.Or(d.turn(ctx), d.entry(ctx, n.name, n)) },
		file:  func(n *item) error { return d.entry(ctx, n.name, n) },
		leave: func(*item) error { return cmp.Or(d.turn(ctx), mark(markEnd)) },
	})
	if err != nil {
		return err
	}
	return cmp.Or(d.turn(ctx), mark(markEnd))
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
	return d.add(ctx, record{head: b})
}

func (d *digester) regular(ctx context.Context, head []byte, n *item) error {
	if n.stat.Nlink > 1 {
		id := inode{uint64(n.stat.Dev), n.stat.Ino}
		if first, ok := d.links[id]; ok {
			return d.add(ctx, record{head: appendString(append(head, markLink), first)})
		}
		d.links[id] = n.sub
	}
	r := record{content: true, head: head, name: n.name, path: n.path}
	r.sum, r.know = d.hashes.get(&n.stat)
	if r.read = d.stage || !r.know; !r.read {
		r.head = append(head, markContent)
		return d.add(ctx, r)
	}
	if d.group == nil || d.group.dir == none {
		// Not what is known already together with what must be waited for: others can be written meanwhile.
		if err := d.flush(ctx); err != nil {
			return err
		}
		dir, err := unix.FcntlInt(uintptr(n.fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return unreadable(n.path, err)
		}
		d.group = &group{dir: dir, records: make([]record, 0, groupSize)}
	}
	return d.add(ctx, r)
}

// hash reads files until there are no more.
func (d *digester) hash(ctx context.Context) error {
	buf := make([]byte, 128<<10)
	h := sha256.New()
	for g := range d.work {
		for i := range g.records {
			if r := &g.records[i]; r.read {
				if err := d.read(ctx, g.dir, r, h, buf); err != nil {
					unix.Close(g.dir)
					return err // at once: it ends the others
				}
			}
		}
		unix.Close(g.dir)
		close(g.done)
	}
	return nil
}

// read finds out what a record lacks.
func (d *digester) read(ctx context.Context, dir int, r *record, h hash.Hash, buf []byte) error {
	var st, now unix.Stat_t
	start := time.Now()
	fd, err := openRegular(dir, r.name, &st)
	if err != nil {
		return unreadable(r.path, err)
	}
	defer unix.Close(fd)
	if d.stage {
		r.head = appendString(r.head, string(capability(fd)))
	}
	r.head = append(r.head, markContent)
	if r.know {
		return nil
	}
	h.Reset()
	err = readAll(fd, buf, func(b []byte) error {
		if d.most > 0 && d.taken.Add(int64(len(b))) > d.most {
			return ErrTooMuch
		}
		h.Write(b)
		return ctx.Err()
	})
	if err == nil {
		err = unix.Fstat(fd, &now)
	}
	if err != nil {
		return unreadable(r.path, err)
	}
	h.Sum(r.sum[:0])
	if idOf(&now) == idOf(&st) {
		d.hashes.put(&now, start, r.sum)
	}
	return nil
}

func (d *digester) write(ctx context.Context, sum hash.Hash) error {
	for g := range d.groups {
		if g.done != nil {
			select {
			case <-g.done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		for i := range g.records {
			r := &g.records[i]
			sum.Write(r.head)
			if r.content {
				sum.Write(r.sum[:])
			}
		}
	}
	return nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
