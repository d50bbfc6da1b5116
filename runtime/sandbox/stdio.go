package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
)

// stdio connects the process with the readers and writers of a Spec, always by pipes: a file of the host's
// handed in could be opened again through /proc/self/fd, and with other rights.
type stdio struct {
	child [3]*os.File // the process's ends
	ours  []*os.File

	output   errgroup.Group
	input    chan error // what became of the copying to standard input, if there is any
	inputEnd *os.File

	console *console // nil: pipes
}

// newStdio makes the pipes. They belong to the user of the process, who may then open /dev/stdout.
func newStdio(spec *Spec) (s *stdio, err error) {
	s = &stdio{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if spec.Terminal != nil {
		return s, s.useConsole(spec.Terminal)
	}
	// An empty input is a pipe too, at its end, as in BuildKit.
	if s.child[0], s.inputEnd, err = s.pipe(spec); err != nil {
		return nil, fmt.Errorf("open standard input: %w", err)
	}
	if spec.Stdin == nil {
		s.inputEnd.Close()
	}
	if s.child[1], err = s.writer(spec, spec.Stdout); err != nil {
		return nil, fmt.Errorf("open standard output: %w", err)
	}
	if same(spec.Stdout, spec.Stderr) {
		s.child[2] = s.child[1]
	} else if s.child[2], err = s.writer(spec, spec.Stderr); err != nil {
		return nil, fmt.Errorf("open standard error: %w", err)
	}
	if spec.Stdin != nil {
		s.feed(spec.Stdin)
	}
	return s, nil
}

// useConsole lets the init connect a pseudo-terminal; until then the streams lead nowhere.
func (s *stdio) useConsole(t *Terminal) (err error) {
	if s.console, err = newConsole(t); err != nil {
		return err
	}
	for i := range s.child {
		if s.child[i], err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
			return fmt.Errorf("open the standard streams: %w", err)
		}
	}
	return nil
}

// begin is called when the container's init is ready for the program.
func (s *stdio) begin() error {
	if s.console == nil {
		return nil
	}
	return s.console.begin()
}

func (s *stdio) socket() *os.File {
	if s.console == nil {
		return nil
	}
	return s.console.theirs
}

func same(a, b io.Writer) bool {
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b
}

// pipe makes a pipe of the user's.
func (s *stdio) pipe(spec *Spec) (r, w *os.File, err error) {
	if r, w, err = os.Pipe(); err != nil {
		return nil, nil, err
	}
	if err := lend(r, spec); err != nil {
		r.Close()
		w.Close()
		return nil, nil, fmt.Errorf("give the pipe to user %d, group %d: %w", spec.UID, spec.GID, err)
	}
	return r, w, nil
}

// writer gives the process's end of what is copied to w.
func (s *stdio) writer(spec *Spec, w io.Writer) (*os.File, error) {
	if w == nil {
		return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	r, end, err := s.pipe(spec)
	if err != nil {
		return nil, err
	}
	s.ours = append(s.ours, r)
	s.output.Go(func() error {
		_, err := io.Copy(w, r)
		r.Close() // when w takes no more the process must not wait for ever: it gets SIGPIPE, as in a shell
		return err
	})
	return end, nil
}

// feed copies the reader to standard input.
func (s *stdio) feed(r io.Reader) {
	s.input = make(chan error, 1)
	go func() {
		_, err := io.Copy(s.inputEnd, r)
		s.inputEnd.Close()
		s.input <- err
	}()
}

// started closes the process's ends, which the process now has.
func (s *stdio) started() {
	for i, f := range s.child {
		if f != nil {
			f.Close()
		}
		s.child[i] = nil
	}
	if s.console != nil {
		s.console.started()
	}
}

// finish waits until all output has been handed over. Every process that could still write has ended with the
// container, so it does not wait long. It does not wait for a reader that has more to give than was wanted.
func (s *stdio) finish() error {
	if s.console != nil {
		return s.console.finish()
	}
	err := s.output.Wait()
	if err != nil {
		err = fmt.Errorf("write the output: %w", err)
	}
	if s.input == nil {
		return err
	}
	s.inputEnd.Close()
	select {
	case in := <-s.input:
		if in != nil && !errors.Is(in, unix.EPIPE) && !errors.Is(in, fs.ErrClosed) {
			err = errors.Join(err, fmt.Errorf("read the input: %w", in))
		}
	default:
	}
	return err
}

// close gives up before the start.
func (s *stdio) close() {
	s.started()
	if s.console != nil {
		s.console.close()
	}
	for _, f := range s.ours {
		f.Close()
	}
	if s.inputEnd != nil {
		s.inputEnd.Close()
	}
	_ = s.output.Wait()
}

// lend gives a pipe to the user of the container.
func lend(f *os.File, spec *Spec) error {
	if owner.Kept() {
		return nil // there is nobody else
	}
	return f.Chown(spec.UID, spec.GID)
}
