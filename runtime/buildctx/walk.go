package buildctx

import (
	"strings"

	"github.com/moby/patternmatcher"
	"golang.org/x/sys/unix"
)

// An item is a node that a match lets through.
type item struct {
	*node
	sub string // path below the match's folder
	fd  int    // the open folder it is in; of a folder that is entered: itself. Open until leave.

	inc, exc patternmatcher.MatchInfo
}

// A visitor is told what a match lets through, folders before what is in them. A folder that only
// comes because of what is below it (--parents, a "!" of --exclude) is entered late.
type visitor struct {
	kinds bool // of files no more need be known than their kinds
	enter func(n *item, late bool) error
	file  func(n *item) error
	leave func(n *item) error
}

type walker struct {
	*view
	visitor
	inc, exc *patternmatcher.PatternMatcher // nil: everything, nothing
	m        Match
	path     []*open
}

// open is a folder on the way down.
type open struct {
	item
	entered bool
}

// walk visits what is below a match that is a folder.
func (v *view) walk(m Match, to visitor) error {
	p, err := v.resolve(m.Path)
	if err != nil {
		return err
	}
	defer p.close()
	if !p.isDir() {
		return nil
	}
	return v.walkFrom(m, p, to)
}

func (v *view) walkFrom(m Match, p *place, to visitor) error {
	w := &walker{view: &view{v.Tree, v.f, to.kinds}, visitor: to, m: m}
	var err error
	if len(m.includes) > 0 {
		if w.inc, err = patternmatcher.New(m.includes); err != nil {
			return err
		}
	}
	if len(m.excludes) > 0 {
		if w.exc, err = patternmatcher.New(m.excludes); err != nil {
			return err
		}
	}
	fd, err := openDir(p.dir(), ".")
	if err != nil {
		return unreadable(p.path(), err)
	}
	defer unix.Close(fd)
	top := &node{path: p.path(), info: p.chain[len(p.chain)-1].info}
	return w.in(fd, &open{item: item{node: top}})
}

func (w *walker) in(fd int, o *open) error {
	return w.each(fd, o.node.path, o.info, func(n *node) error {
		it := item{node: n, sub: join(o.sub, n.name), fd: fd}
		included, excluded, err := w.match(&it, o)
		if err != nil {
			return err
		}
		if n.isDir() {
			return w.folder(fd, it, included, excluded)
		}
		if !included {
			return nil
		}
		if err := w.enterAll(); err != nil {
			return err
		}
		return w.file(&it)
	})
}

func (w *walker) match(it *item, parent *open) (included, excluded bool, err error) {
	included = true
	if w.inc != nil {
		if included, it.inc, err = w.inc.MatchesUsingParentResults(it.sub, parent.inc); err != nil {
			return false, false, err
		}
	}
	if w.exc != nil {
		if excluded, it.exc, err = w.exc.MatchesUsingParentResults(it.sub, parent.exc); err != nil {
			return false, false, err
		}
	}
	return included && !excluded, excluded, nil
}

func (w *walker) folder(dir int, it item, included, excluded bool) error {
	down := w.worth(it.sub, included, excluded)
	if !included && !down {
		return nil
	}
	fd, err := openDir(dir, it.name)
	if err != nil {
		return unreadable(it.node.path, err)
	}
	defer unix.Close(fd)
	it.fd = fd
	o := &open{item: it}
	if included {
		if err := w.enterAll(); err != nil {
			return err
		}
		o.entered = true
		if err := w.enter(&o.item, false); err != nil {
			return err
		}
	}
	if down {
		w.path = append(w.path, o)
		err := w.in(fd, o)
		w.path = w.path[:len(w.path)-1]
		if err != nil {
			return err
		}
	}
	if o.entered && w.leave != nil {
		return w.leave(&o.item)
	}
	return nil
}

// enterAll enters the folders on the way down that were not let through themselves.
func (w *walker) enterAll() error {
	for _, o := range w.path {
		if o.entered {
			continue
		}
		o.entered = true
		if err := w.enter(&o.item, true); err != nil {
			return err
		}
	}
	return nil
}

// worth tells whether anything below a folder may be let through.
func (w *walker) worth(dir string, included, excluded bool) bool {
	if excluded && !w.exc.Exclusions() {
		return false
	}
	if included || w.inc == nil {
		return true
	}
	for _, p := range w.m.includes {
		if strings.ContainsAny(p, globChars) || strings.HasPrefix(p+"/", dir+"/") {
			return true
		}
	}
	return false
}
