package interp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/dsl/diag"
)

// folders are what a script can reach of the host's files: the context to read, and the
// folders of --allow-write. Links are followed as long as they stay inside. It is safe
// for concurrent use.
type folders struct {
	all []*folder // the context first
}

type folder struct {
	name     string // absolute, as it was given
	real     string // absolute, links resolved
	root     *os.Root
	writable bool
	denied   func(error) // hears of what may not be read; nil: nobody does
}

// told tells of an error that is one of permission.
func (d *folder) told(err error) error {
	if d.denied != nil && errors.Is(err, fs.ErrPermission) {
		d.denied(err)
	}
	return err
}

func openFolders(context string, writable []string) (*folders, error) {
	f := &folders{}
	for i, name := range append([]string{context}, writable...) {
		dir, err := openFolder(name, i > 0)
		if err != nil {
			f.close()
			return nil, err
		}
		f.all = append(f.all, dir)
	}
	return f, nil
}

func openFolder(name string, writable bool) (*folder, error) {
	if !filepath.IsAbs(name) {
		return nil, fmt.Errorf("folder %q of the script: the path must be absolute", name)
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, fmt.Errorf("folder of the script: %w", err)
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, fmt.Errorf("folder of the script: %w", err)
	}
	return &folder{name: filepath.Clean(name), real: real, root: root, writable: writable}, nil
}

func (f *folders) close() {
	for _, d := range f.all {
		d.root.Close()
	}
}

// place is a path in a folder.
type place struct {
	*folder
	rel string
}

// find says in which folder a path lies; the deepest one counts. dir is the shell's
// current folder.
func (f *folders) find(dir, path string) (place, bool) {
	path = absolute(dir, path)
	var best place
	for _, d := range f.all {
		for _, base := range []string{d.name, d.real} {
			rel, ok := inside(base, path)
			if ok && (best.folder == nil || len(d.real) >= len(best.real)) {
				best = place{d, rel}
			}
		}
	}
	return best, best.folder != nil
}

func absolute(dir, path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Clean(path)
}

func inside(base, path string) (string, bool) {
	rel, err := filepath.Rel(base, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	return rel, true
}

// shown is the name of a file that a script sources, the same however the script wrote
// it: the path from the context folder.
func (f *folders) shown(dir, path string) string {
	if rel, ok := inside(f.all[0].name, absolute(dir, path)); ok {
		return rel
	}
	return path
}

// nearest is the file beside a missing one that was probably meant, or "".
func (f *folders) nearest(dir, path string) string {
	at, ok := f.find(dir, path)
	if !ok {
		return ""
	}
	folder, err := at.root.Open(filepath.Dir(at.rel))
	if err != nil {
		return ""
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1)
	slices.Sort(names)
	if near := diag.Nearest(filepath.Base(path), names); near != "" {
		return strings.TrimSuffix(path, filepath.Base(path)) + near
	}
	return ""
}

// open opens a regular file. A path that leads outside is a *refusal, any other error
// an *fs.PathError with the path as it was given.
func (f *folders) open(dir, path string, flag int, perm fs.FileMode) (*os.File, error) {
	writing := flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND) != 0
	if path == "" {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	at, ok := f.find(dir, path)
	if !ok || writing && !at.writable {
		return nil, refuse(writing, absolute(dir, path), path)
	}
	at, info, err := at.stat(path, true)
	switch {
	case err == nil && !info.Mode().IsRegular() && !info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	case err == nil && info.IsDir() && !writing:
		return nil, &fs.PathError{Op: "open", Path: path, Err: unix.EISDIR}
	case err != nil && !(writing && errors.Is(err, fs.ErrNotExist)):
		return nil, err
	}
	// What has become a named pipe meanwhile must not be waited for.
	file, err := at.root.OpenFile(at.rel, flag|unix.O_NONBLOCK, perm)
	if err != nil {
		return nil, renamed(at.told(err), "open", path)
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	return file, nil
}

var errNotRegular = errors.New("not a regular file")

// stat looks at a path. The place that it returns has no links that os.Root would not
// follow: it refuses absolute ones, even those that stay inside.
func (p place) stat(path string, follow bool) (place, fs.FileInfo, error) {
	look := p.root.Stat
	if !follow {
		look = p.root.Lstat
	}
	info, err := look(p.rel)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOTDIR) {
		return p, info, renamed(p.told(err), "open", path)
	}
	full := filepath.Join(p.real, p.rel)
	if !follow {
		parent, err := filepath.EvalSymlinks(filepath.Dir(full))
		if err == nil {
			return p.again(filepath.Join(parent, filepath.Base(full)), path, p.root.Lstat)
		}
	}
	target, err := filepath.EvalSymlinks(full)
	if err != nil {
		target = ""
	}
	return p.again(target, path, p.root.Stat)
}

// again looks at where a link leads.
func (p place) again(target, path string, look func(string) (fs.FileInfo, error)) (place, fs.FileInfo, error) {
	rel, ok := inside(p.real, target)
	if target == "" || !ok {
		return p, nil, &refusal{
			message: fmt.Sprintf("%s: the link leads out of the build context", path),
			hint:    "a script reads only inside the context folder",
		}
	}
	p.rel = rel
	info, err := look(rel)
	return p, info, renamed(p.told(err), "open", path)
}

// renamed gives an error of os.Root the path as the script wrote it.
func renamed(err error, op, path string) error {
	if err == nil {
		return nil
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// refuse is the error of a path that is out of reach.
func refuse(writing bool, full, path string) error {
	if writing {
		return &refusal{
			message: fmt.Sprintf("write %s: a script writes no files of the host", path),
			hint:    fmt.Sprintf("--allow-write=%s lets it; in the image, files are written by RUN or COPY", filepath.Dir(full)),
		}
	}
	return &refusal{
		message: fmt.Sprintf("%s: outside of the build context", path),
		hint:    "a script reads only inside the context folder; RUN reads the image's files",
	}
}
