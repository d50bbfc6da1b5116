package interp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// stream is a reader or writer as the runner wants a file to be.
type stream struct {
	io.Reader
	io.Writer
	close func()
}

func (s *stream) Close() error {
	if s.close != nil {
		s.close()
	}
	return nil
}

// onOpen opens the files of redirections and of $(<file).
func (x *shell) onOpen(ctx context.Context, path string, flag int, perm fs.FileMode) (io.ReadWriteCloser, error) {
	hc := interp.HandlerCtx(ctx)
	if no, ok := strings.CutPrefix(path, jobErrors); ok {
		n, _ := strconv.Atoi(no)
		return x.jobOutput(hc, n), nil
	}
	if no, ok := strings.CutPrefix(path, jobInput); ok {
		n, _ := strconv.Atoi(no)
		if path == sourcedFile {
			text, _ := ctx.Value(sourcedKey{}).(*sourced)
			return &stream{Reader: strings.NewReader(text.take()), Writer: io.Discard}, nil
		}
		return &stream{Reader: strings.NewReader(""), Writer: io.Discard, close: func() { x.jobs.end(n) }}, nil
	}
	switch path {
	case "/dev/null":
		return os.OpenFile(path, flag&^os.O_CREATE, 0)
	case "/dev/stdout", "/dev/fd/1":
		return &stream{Reader: strings.NewReader(""), Writer: plain(hc.Stdout)}, nil
	case "/dev/stderr", "/dev/fd/2":
		return &stream{Reader: strings.NewReader(""), Writer: plain(hc.Stderr)}, nil
	case "/dev/stdin", "/dev/fd/0":
		if hc.Stdin != nil {
			return &stream{Reader: hc.Stdin, Writer: io.Discard}, nil
		}
	}
	f, err := x.folders.open(hc.Dir, path, flag, perm)
	if err != nil {
		return nil, x.refused(hc, err)
	}
	return f, nil
}

func (x *shell) onReadDir(ctx context.Context, path string) ([]fs.DirEntry, error) {
	hc := interp.HandlerCtx(ctx)
	at, ok := x.folders.find(hc.Dir, path)
	if !ok {
		return nil, x.refused(hc, refuse(false, path, path))
	}
	at, info, err := at.stat(path, true)
	if err == nil && !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: unix.ENOTDIR}
	}
	if err != nil {
		var out *refusal
		if errors.As(err, &out) {
			return nil, fs.ErrNotExist // a glob passes over links that lead out
		}
		return nil, err
	}
	dir, err := at.root.Open(at.rel)
	if err != nil {
		return nil, renamed(at.told(err), "open", path)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, renamed(at.told(err), "read", path)
	}
	return entries, nil
}

func (x *shell) onStat(ctx context.Context, path string, follow bool) (fs.FileInfo, error) {
	hc := interp.HandlerCtx(ctx)
	if path == os.DevNull {
		return os.Stat(path)
	}
	_, info, err := x.look(hc, path, follow)
	return info, err
}

func (x *shell) onAccess(ctx context.Context, path string, mode interp.AccessMode) error {
	hc := interp.HandlerCtx(ctx)
	if path == os.DevNull {
		return nil
	}
	at, info, err := x.look(hc, path, true)
	if err != nil {
		return err
	}
	denied := &fs.PathError{Op: "access", Path: path, Err: fs.ErrPermission}
	switch {
	case mode&interp.AccessWrite != 0 && !at.writable,
		mode&interp.AccessExec != 0 && info.Mode()&0o111 == 0:
		return denied
	case mode&interp.AccessRead != 0 && !info.Mode().IsRegular() && !info.IsDir():
		if info.Mode()&0o444 == 0 { // opening it might wait, or do something
			return denied
		}
	case mode&interp.AccessRead != 0:
		f, err := at.root.Open(at.rel)
		if err != nil {
			_ = at.told(err)
			return denied
		}
		return f.Close()
	}
	return nil
}

func (x *shell) look(hc interp.HandlerContext, path string, follow bool) (place, fs.FileInfo, error) {
	at, ok := x.folders.find(hc.Dir, path)
	if !ok {
		return at, nil, x.refused(hc, refuse(false, path, path))
	}
	at, info, err := at.stat(path, follow)
	if err != nil {
		return at, nil, x.refused(hc, err)
	}
	return at, info, nil
}

// refused ends the script if err is a refusal. Any other error stays what it is: the
// shell prints it and has a status.
func (x *shell) refused(hc interp.HandlerContext, err error) error {
	var out *refusal
	if errors.As(err, &out) {
		return x.abort(x.shellError(hc.Env, "", err))
	}
	return err
}

// unreadable is the error of a file that source cannot read.
func (x *shell) unreadable(hc interp.HandlerContext, name string, err error) error {
	if refused := x.refused(hc, err); x.aborted() != nil {
		return refused
	}
	failed := x.shellError(hc.Env, "", err)
	if near := x.folders.nearest(hc.Dir, name); near != "" && errors.Is(err, fs.ErrNotExist) {
		failed.Hint = "did you mean " + near + "?"
	}
	return x.fail(hc.Env, failed)
}
