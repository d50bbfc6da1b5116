package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Faults after which there is another try.
var (
	errStalled = errors.New("no data for too long")
	errNoRange = errors.New("the registry refused to go on where it had stopped")
)

// blob reads a blob of the repository. Nothing is asked for before the first read.
func (r *repo) blob(ctx context.Context, desc v1.Descriptor, kind string) io.ReadCloser {
	return &transfer{ctx: ctx, repo: r, desc: desc, what: fmt.Sprintf("%s %s", kind, desc.Digest)}
}

// transfer reads a blob, and goes on where it stopped when the connection breaks. It gives up
// after as many tries in a row as brought nothing new. It belongs to one goroutine.
type transfer struct {
	ctx  context.Context
	repo *repo
	desc v1.Descriptor
	what string // for messages

	body   io.ReadCloser // nil between connections
	watch  *watchdog
	offset int64 // bytes handed out
	failed int   // tries since the last new byte
	whole  bool  // the registry refuses ranges
	err    error // what ended the transfer for good
}

func (t *transfer) Read(p []byte) (int, error) {
	for t.err == nil {
		n, err := t.attempt(p)
		t.offset += int64(n)
		if n > 0 {
			t.failed = 0
		}
		switch {
		case err == nil:
			return n, nil
		case err == io.EOF && t.offset == t.desc.Size:
			t.drop()
			t.err = io.EOF
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
			fallthrough
		default:
			t.err = t.recover(err)
		}
		if n > 0 {
			return n, nil // the error comes with the next read
		}
	}
	return 0, t.err
}

// attempt reads once, over a new connection if there is none.
func (t *transfer) attempt(p []byte) (int, error) {
	if t.body == nil {
		if err := t.open(); err != nil {
			return 0, err
		}
	}
	t.watch.start()
	n, err := t.body.Read(p)
	if t.watch.stop() && err != nil {
		err = errStalled
	}
	if t.offset+int64(n) > t.desc.Size {
		return 0, t.repo.fail(Wrong, "the registry, or a proxy on the way, sent something else", "%s: longer than the %d bytes that the manifest says", t.what, t.desc.Size)
	}
	return n, err
}

// recover drops the connection and waits, or says why it is of no use to try again.
func (t *transfer) recover(err error) error {
	t.drop()
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	var answer *transport.Error
	if !passing(err) && !(errors.As(err, &answer) && passingStatus(answer.StatusCode)) {
		return t.repo.explain(err)
	}
	t.failed++
	if t.failed >= t.repo.client.o.Tries {
		return t.repo.explain(&cutOff{what: t.what, got: t.offset, want: t.desc.Size, err: innermost(err)})
	}
	return wait(t.ctx, t.repo.client.o.Pause, t.failed, 0)
}

// open asks for what is missing. A registry that knows no ranges sends all of it again.
func (t *transfer) open() error {
	ctx, cancel := context.WithCancel(t.ctx)
	t.watch = newWatchdog(t.repo.client.o.Stall, cancel)
	request, err := t.repo.request(ctx, "blobs", t.desc.Digest.String())
	if err != nil {
		return err
	}
	if t.offset > 0 && !t.whole {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", t.offset, t.desc.Size-1))
	}
	response, err := t.repo.http.Do(request)
	if err != nil {
		cancel()
		return err
	}
	t.body = response.Body
	if err := status(response); err != nil {
		if request.Header.Get("Range") != "" && response.StatusCode < 500 {
			t.whole = true
			return errNoRange
		}
		return err
	}
	start := t.offset
	if response.StatusCode == http.StatusOK {
		start = 0
	}
	if length := response.ContentLength; length >= 0 && start+length != t.desc.Size {
		return t.repo.fail(Wrong, "the registry, or a proxy on the way, sent something else", "%s: the registry has %d bytes, the manifest says %d", t.what, start+length, t.desc.Size)
	}
	t.watch.start()
	_, err = io.CopyN(io.Discard, t.body, t.offset-start)
	t.watch.stop()
	return err
}

func (t *transfer) drop() {
	if t.body != nil {
		t.body.Close()
		t.body = nil
	}
	if t.watch != nil {
		t.watch.cancel()
		t.watch = nil
	}
}

// Close ends the transfer, wherever it is.
func (t *transfer) Close() error {
	t.drop()
	if t.err == nil {
		t.err = errors.New(t.what + ": read after close")
	}
	return nil
}

// watchdog cancels a read that brings nothing for too long. The time that the reader takes
// between reads does not count.
type watchdog struct {
	timer  *time.Timer
	after  time.Duration
	cancel context.CancelFunc
}

func newWatchdog(after time.Duration, cancel context.CancelFunc) *watchdog {
	timer := time.AfterFunc(after, cancel)
	timer.Stop()
	return &watchdog{timer: timer, after: after, cancel: cancel}
}

func (w *watchdog) start() { w.timer.Reset(w.after) }

// stop says whether the watchdog has bitten.
func (w *watchdog) stop() bool { return !w.timer.Stop() }
