package text

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

var errNotRegular = errors.New("not a regular file")

// edit is one file under sed -i: the new text is written beside it and takes its place in the
// end, so that nobody ever reads half of it.
type edit struct {
	path string
	info os.FileInfo
	tmp  *os.File
	w    *bufio.Writer
}

func startEdit(path string, follow bool) (*edit, *os.File, error) {
	if follow {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, nil, err
		}
		path = real
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := in.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	var tmp *os.File
	if err == nil {
		tmp, err = os.CreateTemp(filepath.Dir(path), "sed*")
	}
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	return &edit{path: path, info: info, tmp: tmp, w: bufio.NewWriterSize(tmp, 64<<10)}, in, nil
}

// finish puts the new text in its place. The old one stays under another name if a suffix is
// given; a "*" in that stands for the file's name.
func (e *edit) finish(suffix string) error {
	err := e.w.Flush()
	if st, ok := e.info.Sys().(*syscall.Stat_t); ok && err == nil {
		// Only root may give a file away; others keep it as their own.
		if chownErr := e.tmp.Chown(int(st.Uid), int(st.Gid)); chownErr != nil && !errors.Is(chownErr, syscall.EPERM) {
			err = chownErr
		}
	}
	err = errors.Join(err, e.tmp.Chmod(e.info.Mode()), e.tmp.Close())
	if err == nil && suffix != "" {
		err = os.Rename(e.path, e.backup(suffix))
	}
	if err == nil {
		err = os.Rename(e.tmp.Name(), e.path)
	}
	if err != nil {
		os.Remove(e.tmp.Name())
	}
	return err
}

func (e *edit) backup(suffix string) string {
	dir, name := filepath.Split(e.path)
	if !strings.Contains(suffix, "*") {
		return dir + name + suffix
	}
	name = strings.ReplaceAll(suffix, "*", name)
	if strings.Contains(name, "/") {
		return name
	}
	return dir + name
}

// abandon leaves the file as it was.
func (e *edit) abandon() {
	e.tmp.Close()
	os.Remove(e.tmp.Name())
}
