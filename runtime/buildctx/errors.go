package buildctx

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"golang.org/x/sys/unix"
)

// ErrNotFound is what a source that is not there is: errors.Is(err, ErrNotFound).
var ErrNotFound = errors.New("not found")

// An Error is about one path and may know what to do.
type Error struct {
	Path string // as a user would write it: relative in a context, absolute in an image
	Err  error
	hint string
}

func (e *Error) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Hint is advice for the user, or "".
func (e *Error) Hint() string { return e.hint }

// notFoundError says why a source is not there, in words; it is ErrNotFound.
type notFoundError string

func (e notFoundError) Error() string { return string(e) }
func (notFoundError) Is(target error) bool {
	return target == ErrNotFound
}

// lost makes the error for a match that is gone, or is a symlink to what is not there.
func (v *view) lost(m Match, p *place) error {
	err := v.notFound(m.Source, p)
	var e *Error
	if hasWildcards(m.Source) && errors.As(err, &e) {
		e.Err = notFoundError(fmt.Sprintf("%s: %v", m.Path, e.Err))
	}
	return err
}

// notFound makes the error for a source that resolve found missing.
func (v *view) notFound(source string, p *place) error {
	e := &Error{Path: source, Err: notFoundError("not in the build context")}
	if v.stage && !v.whole {
		e.Err = notFoundError("not in the image or stage that it is copied from")
	}
	switch {
	case p.outside != "":
		e.Err = notFoundError(fmt.Sprintf("the symlink %s leads out of the build context, to %s", p.outside, p.target))
		e.hint = "a build sees nothing outside of its context: copy what it needs into it"
	case p.hidden != "":
		if e.hint = v.rules.explain(p.hidden); e.hint == "" {
			e.hint = "it is in shbuild's own folder, which a build does not see"
		}
	case !v.stage && climbs(source):
		e.hint = "the build context has no parent folder: use --context to choose a larger one"
	default:
		e.hint = v.nearest(p)
	}
	return e
}

func climbs(source string) bool {
	p := path.Clean(source)
	return p == ".." || strings.HasPrefix(p, "../")
}

// nearest names the entry that was probably meant instead of the first missing one, or says what made
// the folder look empty.
func (v *view) nearest(p *place) string {
	fd, err := openDir(p.dir(), ".")
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	dir := strings.TrimSuffix(strings.TrimSuffix(p.path(), strings.Join(p.missing, "/")), "/")
	var names []string
	err = v.each(fd, dir, p.chain[len(p.chain)-1].info, func(n *node) error {
		names = append(names, n.name)
		return nil
	})
	if err != nil {
		return ""
	}
	if near := nearestName(p.missing[0], names); near != "" {
		return fmt.Sprintf("did you mean %s?", join(dir, near))
	}
	return ""
}

func nearestName(name string, names []string) string {
	if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) }); i >= 0 {
		return names[i]
	}
	best, at := "", 1+len(name)/4
	for _, n := range names {
		if d := levenshtein.Distance(name, n, nil); d <= at && d < len(name) {
			best, at = n, d-1
		}
	}
	return best
}

// unreadable is the error for a source that may not be read.
func unreadable(p string, err error) error {
	if p == "" {
		p = "."
	}
	e := &Error{Path: p, Err: fmt.Errorf("read the source: %w", err)}
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		e.hint = "make it readable for the user who builds, or leave it out in .dockerignore"
	}
	if errors.Is(err, unix.EMFILE) {
		e.hint = "the folders are nested too deeply for the limit of open files: raise it with ulimit -n"
	}
	return e
}

// unwritable is the error for something in the image that cannot be made; p is its path there.
func unwritable(p, act string, err error) error {
	e := &Error{Path: "/" + strings.TrimPrefix(p, "/"), Err: fmt.Errorf("%s: %w", act, err)}
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		e.hint = "the disk that holds shbuild's store is full: free some space, or put the store elsewhere with --root"
	case notMapped(act, err):
		e.Err = errors.New("set the owner: it is not among the ids that this build has")
		e.hint = "give it another by --chown, or widen the caller's range in /etc/subuid and /etc/subgid"
	case errors.Is(err, unix.EPERM) && act == actDevice:
		e.hint = "a build makes no devices; containers get their own /dev"
	case errors.Is(err, unix.EMFILE):
		e.hint = "the folders are nested too deeply for the limit of open files: raise it with ulimit -n"
	}
	return e
}

// notMapped tells of an error whether an owner is none in the build's user namespace.
func notMapped(act string, err error) bool {
	return act == actChown && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOVERFLOW))
}

const (
	actChown  = "set the owner"
	actChmod  = "set the mode"
	actTimes  = "set the times"
	actDevice = "make the device"
)
