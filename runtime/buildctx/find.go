package buildctx

import (
	"fmt"
	"path"
	"strings"

	"github.com/moby/patternmatcher"
	"golang.org/x/sys/unix"
)

// Find finds what the sources of one COPY or ADD mean, in order. A source with wildcards (those of
// path.Match: none of them matches a slash, not even "**") may match nothing; one without must exist,
// else the error is ErrNotFound and carries a hint: the rule that left it out, or a name like it.
func (t *Tree) Find(patterns []string, o FindOptions) ([]Match, error) {
	if _, err := patternmatcher.New(o.Excludes); err != nil {
		return nil, fmt.Errorf("--exclude=%s: %w", strings.Join(o.Excludes, ","), err)
	}
	v := t.view()
	var all []Match
	for _, p := range patterns {
		m, err := v.find(p, o)
		if err != nil {
			return nil, err
		}
		all = append(all, m...)
	}
	return all, nil
}

// Real is where a path leads, symlinks followed: a path of the tree, "/" for all of it. It must be there.
func (t *Tree) Real(source string) (string, error) {
	v := t.view()
	p, err := v.resolve(strings.TrimPrefix(path.Clean("/"+source), "/"))
	if err != nil {
		return "", err
	}
	defer p.close()
	if !p.exists() {
		return "", v.notFound(source, p)
	}
	return "/" + p.path(), nil
}

func (v *view) find(source string, o FindOptions) ([]Match, error) {
	base := Match{Source: source, excludes: o.Excludes}
	src, below := source, ""
	if o.Parents {
		var pivot bool
		if src, below, pivot = strings.Cut(source, "/./"); !pivot {
			src, below = "/", source
		}
		below = strings.TrimPrefix(path.Clean("/"+below), "/")
		if _, err := patternmatcher.New([]string{below}); err != nil {
			return nil, &Error{Path: source, Err: fmt.Errorf("the pattern is malformed: %w", err)}
		}
		base.includes = []string{below}
	}
	src = strings.TrimPrefix(path.Clean("/"+src), "/")
	if hasWildcards(src) && !o.Literal {
		return v.glob(base, src)
	}
	p, err := v.resolve(src)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if !p.exists() {
		return nil, v.notFound(source, p)
	}
	base.Path = display(src)
	if o.Parents && (o.Literal || !hasWildcards(below)) {
		return []Match{base}, v.required(base, src, below)
	}
	return []Match{base}, nil
}

// required makes sure that a --parents source without wildcards finds something.
func (v *view) required(m Match, src, below string) error {
	found := false
	err := v.walk(m, visitor{
		enter: func(n *item, late bool) error { found = found || !late; return stopIf(found) },
		file:  func(*item) error { found = true; return errFound },
	})
	if err != nil && err != errFound {
		return err
	}
	if found {
		return nil
	}
	p, err := v.resolve(join(src, below))
	if err != nil {
		return err
	}
	defer p.close()
	if !p.exists() {
		return v.notFound(m.Source, p)
	}
	e := &Error{Path: m.Source, Err: notFoundError("not among the sources"), hint: "--parents goes through no symlinks, and --exclude may have left it out"}
	if below == "" {
		e.hint = "--parents keeps the folders of a path that is named; without it COPY takes the whole folder"
	}
	return e
}

func stopIf(stop bool) error {
	if stop {
		return errFound
	}
	return nil
}

// glob finds what a pattern with wildcards matches. The folders before the first wildcard are resolved,
// symlinks included; from there on only real folders are gone through.
func (v *view) glob(base Match, pattern string) ([]Match, error) {
	fixed, rest := splitWildcards(pattern)
	if _, err := path.Match(rest, ""); err != nil {
		return nil, &Error{Path: base.Source, Err: fmt.Errorf("the pattern is malformed: %w", err)}
	}
	p, err := v.resolve(fixed)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if !p.exists() {
		return nil, v.notFound(base.Source, p)
	}
	if !p.isDir() {
		if v.stage {
			return nil, nil
		}
		// BuildKit is not sent a file that the pattern does not match, and misses it.
		return nil, &Error{Path: base.Source, Err: notFoundError(fixed + " is a file, so the pattern can match nothing in it")}
	}
	g := globber{view: v, base: base, pattern: rest, parts: strings.Split(rest, "/")}
	// A character class may match a slash, so a pattern that has one matches at any depth.
	g.deep = strings.Contains(rest, "[")
	err = g.in(p.dir(), &node{name: ".", path: p.path(), info: p.chain[len(p.chain)-1].info}, "", 0)
	return g.found, err
}

type globber struct {
	*view
	base    Match
	pattern string
	parts   []string
	deep    bool
	found   []Match
}

func (g *globber) in(dir int, n *node, below string, depth int) error {
	fd, err := openDir(dir, n.name)
	if err != nil {
		return unreadable(n.path, err)
	}
	defer unix.Close(fd)
	return g.each(fd, n.path, n.info, func(c *node) error {
		name := join(below, c.name)
		if ok, _ := path.Match(g.pattern, name); ok {
			m := g.base
			m.Path = c.path
			g.found = append(g.found, m)
			return nil
		}
		if !c.isDir() || !g.worth(c.name, depth) {
			return nil
		}
		return g.in(fd, c, name, depth+1)
	})
}

// worth tells whether a folder of that name at that depth may hold a match.
func (g *globber) worth(name string, depth int) bool {
	if g.deep {
		return true
	}
	if depth+1 >= len(g.parts) {
		return false
	}
	ok, _ := path.Match(g.parts[depth], name)
	return ok
}

// splitWildcards cuts a clean path before its first component with wildcards.
func splitWildcards(p string) (fixed, rest string) {
	parts := strings.Split(p, "/")
	for i, s := range parts {
		if hasWildcards(s) {
			return strings.Join(parts[:i], "/"), strings.Join(parts[i:], "/")
		}
	}
	return p, ""
}

func hasWildcards(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '*', '?', '[':
			return true
		case '\\':
			i++
		}
	}
	return false
}

func display(p string) string {
	if p == "" {
		return "."
	}
	return p
}
