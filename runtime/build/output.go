package build

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"syscall"
)

// output is where a step's program writes.
type output struct {
	display Step
	tail    *tail     // the last lines of both streams
	kept    *record   // the standard output, for the cache
	asked   io.Writer // gets the standard output; nil: nobody asked
}

// streams gives the program's two outputs. Secrets are hidden from people and from the cache, not from whoever asked
// for the output. flush ends them.
func (o *output) streams(secrets [][]byte) (stdout, stderr io.Writer, flush func() error) {
	people := io.MultiWriter(o.display, o.tail)
	out, errs := newMask(people, secrets), newMask(people, secrets)
	o.kept.keepOff(secrets)
	return io.MultiWriter(writers(out, o.kept, tolerant(o.asked))...), errs, func() error { return errors.Join(out.flush(), errs.flush()) }
}

func writers(w ...io.Writer) []io.Writer {
	return slices.DeleteFunc(w, func(w io.Writer) bool { return w == nil })
}

// tolerant is w for a program whose reader may go away: what cannot be
// delivered any more is dropped, as the program itself cannot be told.
func tolerant(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return &tolerantWriter{w: w}
}

type tolerantWriter struct {
	w    io.Writer
	gone bool
}

func (t *tolerantWriter) Write(p []byte) (int, error) {
	if t.gone {
		return len(p), nil
	}
	n, err := t.w.Write(p)
	if err != nil && ignoreBrokenPipe(err) == nil {
		t.gone = true
		return len(p), nil
	}
	return n, err
}

// tail keeps the last lines that were written to it.
type tail struct {
	mu  sync.Mutex // the two streams come from two goroutines
	buf bytes.Buffer
}

const (
	tailBytes = 8 << 10
	tailLines = 20
)

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if extra := t.buf.Len() - 2*tailBytes; extra > 0 {
		t.buf.Next(extra + tailBytes)
	}
	return len(p), nil
}

// lines returns at most tailLines lines, whole ones where it can.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	data := bytes.TrimRight(t.buf.Bytes(), "\r\n")
	if len(data) == 0 {
		return nil
	}
	lines := bytes.Split(data, []byte("\n"))
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = string(bytes.TrimRight(l, "\r"))
	}
	return out
}

// ignoreBrokenPipe drops the error of a reader that has gone away.
func ignoreBrokenPipe(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
