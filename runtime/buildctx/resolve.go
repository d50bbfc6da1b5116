package buildctx

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/moby/patternmatcher"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// maxLinks is how many symlinks a path may go through, as in BuildKit.
const maxLinks = 255

// A place is where a path leads inside a root folder: a chain of open folders, then a file, or the
// names that do not exist yet, or neither: then it is the last folder.
type place struct {
	chain   []step // the root first
	file    string // a non-directory in the last folder, "" if the path is a folder or missing
	stat    unix.Stat_t
	missing []string

	hidden  string // the first path that exists but is ignored
	outside string // the symlink that would have led out of the root, and …
	target  string // … where it points
}

func (p *place) last() step { return p.chain[len(p.chain)-1] }
func (p *place) dir() int   { return p.last().fd }

func (p *place) close() {
	for _, s := range p.chain[1:] {
		s.close()
	}
	p.chain = p.chain[:1]
}

// pop leaves the last folder; the root's parent is the root.
func (p *place) pop() bool {
	if len(p.chain) == 1 {
		return false
	}
	p.last().close()
	p.chain = p.chain[:len(p.chain)-1]
	return true
}

// path is the real path, relative to the root, "" for the root itself.
func (p *place) path() string {
	names := make([]string, 0, len(p.chain)+1)
	for _, s := range p.chain[1:] {
		names = append(names, s.name)
	}
	if p.file != "" {
		names = append(names, p.file)
	}
	return strings.Join(append(names, p.missing...), "/")
}

func (p *place) exists() bool { return len(p.missing) == 0 }
func (p *place) isDir() bool  { return p.exists() && p.file == "" }

// A resolver walks a path as the kernel would after a chroot into the root folder: absolute symlinks
// start there again, and ".." stops there. It holds an open folder for each step and never lets the
// kernel follow a symlink, so a hostile tree cannot lead it out.
type resolver struct {
	place
	todo  []string // reversed
	links int
	see   func(dir step, name string, st *unix.Stat_t) (bool, patternmatcher.MatchInfo, error)
	ctx   bool // a build context: symlinks that point out are remembered
}

func newResolver(root step, p string) *resolver {
	r := &resolver{place: place{chain: []step{root}}}
	r.push(path.Clean("/" + p))
	return r
}

func (r *resolver) push(p string) {
	names := strings.Split(p, "/")
	for i := len(names) - 1; i >= 0; i-- {
		if n := names[i]; n != "" && n != "." {
			r.todo = append(r.todo, n)
		}
	}
}

func (r *resolver) run() (*place, error) {
	for len(r.todo) > 0 {
		name := r.todo[len(r.todo)-1]
		r.todo = r.todo[:len(r.todo)-1]
		if err := r.step(name); err != nil {
			p := r.path()
			r.close()
			return nil, fmt.Errorf("look up /%s: %w", path.Join(p, name), err)
		}
	}
	return &r.place, nil
}

func (r *resolver) step(name string) error {
	switch {
	case name == ".." && len(r.missing) > 0:
		r.missing = r.missing[:len(r.missing)-1]
		return nil
	case name == "..":
		r.file = ""
		r.pop()
		return nil
	case len(r.missing) > 0:
		r.missing = append(r.missing, name)
		return nil
	case r.file != "":
		return fmt.Errorf("%s is a file, not a folder: %w", r.file, unix.ENOTDIR)
	}
	dir := r.last()
	var st unix.Stat_t
	at, err := dir.stat(name, &st)
	if errors.Is(err, unix.ENOENT) {
		r.missing = append(r.missing, name)
		return nil
	}
	if err != nil {
		return err
	}
	seen, info, err := true, dir.info, error(nil)
	if r.see != nil {
		seen, info, err = r.see(dir, name, &st)
	}
	if err != nil {
		return err
	}
	if !seen {
		if r.hidden == "" {
			r.hidden = path.Join(r.path(), name)
		}
		r.missing = append(r.missing, name)
		return nil
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		return r.follow(at, name)
	case unix.S_IFDIR:
		sub, err := dir.sub(name)
		if err != nil {
			return err
		}
		if !sub.exists() { // since it was looked at
			return unix.ENOENT
		}
		sub.info = info
		r.chain = append(r.chain, sub)
	default:
		r.file, r.stat = name, st
		if !r.ctx {
			owner.Lookup(at, name, &r.stat)
		}
	}
	return nil
}

func (r *resolver) follow(dir int, name string) error {
	if r.links++; r.links > maxLinks {
		return unix.ELOOP
	}
	target, err := readlink(dir, name)
	if err != nil {
		return err
	}
	if r.ctx && r.outside == "" && leadsOut(r.path(), target) {
		r.outside, r.target = path.Join(r.path(), name), target
	}
	if path.IsAbs(target) {
		for r.pop() {
		}
	}
	r.push(target)
	return nil
}

// leadsOut tells whether a symlink in the folder dir of a root points out of that root, by its text.
func leadsOut(dir, target string) bool {
	if path.IsAbs(target) {
		return true
	}
	p := path.Join(dir, target)
	return p == ".." || strings.HasPrefix(p, "../")
}

func readlink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// openDir opens a folder for reading its names.
func openDir(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}
