package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// umaskVar holds a umask that a script has set. As a variable it is scoped as the process's
// umask is in other shells: a subshell has its own.
const umaskVar = "_toybox_umask"

func (s *Shell) umask(hc interp.HandlerContext) int {
	if v := hc.Env.Get(umaskVar); v.IsSet() {
		if mask, err := strconv.ParseUint(v.String(), 8, 32); err == nil {
			return int(mask)
		}
	}
	return s.Umask
}

// setUmask is the umask builtin.
func (s *Shell) setUmask(ctx context.Context, hc interp.HandlerContext, args []string) error {
	now := s.umask(hc)
	switch {
	case len(args) == 0:
		fmt.Fprintf(hc.Stdout, "%04o\n", now)
		return nil
	case args[0] == "-S":
		fmt.Fprintf(hc.Stdout, "u=%s,g=%s,o=%s\n", letters(^now>>6), letters(^now>>3), letters(^now))
		return nil
	}
	mask, err := strconv.ParseUint(args[0], 8, 32)
	if err != nil {
		// A symbolic umask says what is allowed, not what is masked.
		var mode applet.Mode
		if mode, err = applet.ParseMode(args[0]); err == nil {
			mask = uint64(^mode.Apply(uint32(^now)&0o777, false, 0) & 0o777)
		}
	}
	if err != nil || mask > 0o777 {
		fmt.Fprintf(hc.Stderr, "umask: invalid mask: %s\n", args[0])
		return interp.ExitStatus(1)
	}
	return hc.Builtin(ctx, []string{"eval", fmt.Sprintf("%s=%04o", umaskVar, mask)})
}

func letters(bits int) string {
	var b strings.Builder
	for i, letter := range "rwx" {
		if bits&(4>>i) != 0 {
			b.WriteRune(letter)
		}
	}
	return b.String()
}

// open opens the file of a redirection.
func (s *Shell) open(ctx context.Context, name string, flag int, _ os.FileMode) (io.ReadWriteCloser, error) {
	hc := interp.HandlerCtx(ctx)
	if stream, ok := standard(hc, name); ok {
		return stream, nil
	}
	file := under(hc.Dir, name)
	mask := s.umask(hc)
	f, err := openMasked(file, flag, mask, mask != s.Umask)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = errors.New(applet.Message(path.Err))
		}
		return nil, &os.PathError{Op: "sh: cannot open", Path: name, Err: err}
	}
	return f, nil
}

// openMasked opens a file with a umask that need not be the process's, which cannot be
// changed for one of several running commands: the mode of a new file is set afterwards.
func openMasked(file string, flag, mask int, differs bool) (*os.File, error) {
	if !differs || flag&os.O_CREATE == 0 {
		return os.OpenFile(file, flag, 0o666)
	}
	f, err := os.OpenFile(file, flag|os.O_EXCL, os.FileMode(0o666&^mask))
	if errors.Is(err, os.ErrExist) {
		return os.OpenFile(file, flag, os.FileMode(0o666&^mask))
	}
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(os.FileMode(0o666 &^ mask)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// standard finds the stream that a name like /dev/stderr means for the command at hand; to the
// kernel it would be the shell process's own.
func standard(hc interp.HandlerContext, name string) (io.ReadWriteCloser, bool) {
	var s any
	switch name {
	case "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0":
		s = hc.Stdin
	case "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		s = hc.Stdout
	case "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2":
		s = hc.Stderr
	}
	switch s := s.(type) {
	case *os.File:
		fd, err := unix.FcntlInt(s.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		return os.NewFile(uintptr(fd), name), err == nil
	case io.Writer:
		return stream{s}, true
	}
	return nil, false
}

// stream is an output that somebody else closes.
type stream struct{ io.Writer }

func (stream) Read([]byte) (int, error) { return 0, io.EOF }
func (stream) Close() error             { return nil }
