package layer

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A tree finds the folders below a root as they would be found after a chroot
// to it: ".." stops there and absolute links start there. Every step is one
// name in an open folder, with no link followed by the kernel, so no path can
// lead out of the root as long as nobody else changes the tree.
type tree struct {
	root   *folder
	cached map[string]*folder // by canonical path, and by the path asked for
	opened []*folder          // to be closed
	stale  bool               // something that may be cached was replaced

	// implied holds the folders that were made because something stands in
	// them.
	implied map[string]bool
}

// folder is an open folder of a tree.
type folder struct {
	fd   int
	path string // canonical: no links, no leading slash; "" for the root

	setgid bool // hands its group down
}

// join is the path of an entry of the folder; path.Join would clean all of a deep one for each step.
func (f *folder) join(name string) string {
	if f.path == "" {
		return name
	}
	return f.path + "/" + name
}

// maxOpen is how many folders a tree keeps open.
const maxOpen = 64

// maxLinks is how many symlinks one path may lead through.
const maxLinks = 40

func openTree(root string) (*tree, error) {
	fd, err := openat(unix.AT_FDCWD, root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", root, err)
	}
	setgid, err := isSetgid(fd)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("look at %s: %w", root, err)
	}
	return &tree{root: &folder{fd: fd, setgid: setgid}, cached: map[string]*folder{}, implied: map[string]bool{}}, nil
}

func (t *tree) close() {
	t.forget()
	unix.Close(t.root.fd)
}

func (t *tree) forget() {
	for _, f := range t.opened {
		unix.Close(f.fd)
	}
	t.opened = t.opened[:0]
	clear(t.cached)
	t.stale = false
}

// settle bounds the number of open folders, and forgets those that may not be
// there any more. The folders that find has returned are closed by it.
func (t *tree) settle() {
	if t.stale || len(t.opened) > maxOpen {
		t.forget()
	}
}

// find opens the folder at a clean path without leading slash. With create it
// makes what is missing.
func (t *tree) find(dir string, create bool) (*folder, error) {
	if dir == "" {
		return t.root, nil
	}
	if f, ok := t.cached[dir]; ok {
		return f, nil
	}
	links := maxLinks
	f, err := t.walk(t.root, dir, create, &links)
	if err != nil {
		return nil, err
	}
	t.cached[dir] = f
	return f, nil
}

// walk follows a path, clean or not, from a folder.
func (t *tree) walk(from *folder, rest string, create bool, links *int) (*folder, error) {
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		var err error
		switch name {
		case "", ".":
		case "..":
			from, err = t.find(parentOf(from.path), false)
		default:
			from, err = t.step(from, name, create, links)
		}
		if err != nil {
			return nil, err
		}
	}
	return from, nil
}

// step opens the folder of a name in a folder.
func (t *tree) step(in *folder, name string, create bool, links *int) (*folder, error) {
	full := in.join(name)
	if f, ok := t.cached[full]; ok {
		return f, nil
	}
	if len(full) >= unix.PathMax {
		return nil, unix.ENAMETOOLONG
	}
	fd, err := openat(in.fd, name, openFolder, 0)
	switch {
	case err == unix.ENOENT && create:
		if err := t.makeImplied(in, name); err != nil {
			return nil, err
		}
		fd, err = openat(in.fd, name, openFolder, 0)
	case err == unix.ENOTDIR:
		return t.through(in, name, create, links)
	}
	if err != nil {
		return nil, err
	}
	setgid, err := isSetgid(fd)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	f := &folder{fd, full, setgid}
	t.opened = append(t.opened, f)
	t.cached[full] = f
	return f, nil
}

// through goes on at an entry that is no folder: a link, or the whiteout of a
// lower entry that a new folder replaces.
func (t *tree) through(in *folder, name string, create bool, links *int) (*folder, error) {
	st, err := lstatat(in.fd, name)
	if err != nil {
		return nil, err
	}
	if create && isWhiteout(in.fd, name, &st) {
		if err := t.replaceWhiteout(in, name); err != nil {
			return nil, err
		}
		t.implied[path.Join(in.path, name)] = true
		return t.step(in, name, create, links)
	}
	if !isSymlink(&st) {
		return nil, fmt.Errorf("%s is not a folder: %w", shorten(path.Join(in.path, name)), unix.ENOTDIR)
	}
	if *links--; *links < 0 {
		return nil, unix.ELOOP
	}
	target, err := readlinkat(in.fd, name)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(target, "/") {
		in = t.root
	}
	return t.walk(in, target, create, links)
}

func (t *tree) makeImplied(in *folder, name string) error {
	if err := unix.Mkdirat(in.fd, name, 0o755); err != nil {
		return err
	}
	if err := unix.Fchmodat(in.fd, name, 0o755, 0); err != nil { // whatever the umask
		return err
	}
	t.implied[path.Join(in.path, name)] = true
	return nil
}

// replaceWhiteout makes a folder where the layer has deleted the lower entry:
// one that does not show what the lower one held.
func (t *tree) replaceWhiteout(in *folder, name string) error {
	if err := unix.Unlinkat(in.fd, name, 0); err != nil {
		return err
	}
	if err := unix.Mkdirat(in.fd, name, 0o755); err != nil {
		return err
	}
	return setOpaque(in.fd, name)
}

// setOpaque marks a folder as hiding what is below it.
func setOpaque(dir int, name string) error {
	fd, err := openat(dir, name, openFolder, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fsetxattr(fd, xattrOpaque, []byte("y"), 0)
}

// cleanName turns an entry's name into a path below the root; "" is the root.
func cleanName(name string) string {
	return path.Clean("/" + name)[1:]
}

// parentOf is the path of the folder that a path stands in; the root's is the
// root.
func parentOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}
