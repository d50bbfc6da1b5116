package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

func tlsConfig(skipVerify bool) *tls.Config {
	return &tls.Config{InsecureSkipVerify: skipVerify, MinVersion: tls.VersionTLS12}
}

// errPlainHTTP is why a registry that has no TLS is not talked to.
var errPlainHTTP = errors.New("plain HTTP is not allowed")

// guarded holds requests to the rules for plain HTTP and unverified TLS. go-containerregistry
// would fall back to HTTP on private networks, credentials and all. Other hosts, where a
// registry may send its clients for blobs and tokens, are verified as ever.
type guarded struct {
	registry        string // host[:port]
	plain, insecure bool
	strict, lax     http.RoundTripper
}

func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	own := r.URL.Host == g.registry
	if own && r.URL.Scheme == "http" && !g.plain {
		return nil, errPlainHTTP
	}
	if g.insecure || own && g.plain {
		return g.lax.RoundTrip(r)
	}
	return g.strict.RoundTrip(r)
}

// retrier repeats requests that only read, when the fault may pass. Uploads are repeated as a
// whole, by push.
type retrier struct {
	next  http.RoundTripper
	tries int
	pause time.Duration
}

func (t *retrier) RoundTrip(r *http.Request) (*http.Response, error) {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	for try := 1; ; try++ {
		response, err := t.next.RoundTrip(r)
		if !reads || try >= t.tries {
			return response, err
		}
		var after time.Duration
		switch {
		case err != nil:
			if !passing(err) {
				return nil, err
			}
		case passingStatus(response.StatusCode):
			after = retryAfter(response)
			io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
			response.Body.Close()
		default:
			return response, nil
		}
		if err := wait(r.Context(), t.pause, try, after); err != nil {
			return nil, err
		}
	}
}

// maxPause bounds both our own pauses and those that a registry asks for.
const maxPause = 30 * time.Second

// wait pauses after the given try, for at least as long as the registry asked.
func wait(ctx context.Context, first time.Duration, try int, atLeast time.Duration) error {
	pause := first << (try - 1)
	pause += rand.N(pause/4 + 1) // many builds at once shall not come back at once
	timer := time.NewTimer(min(max(pause, atLeast), maxPause))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func retryAfter(r *http.Response) time.Duration {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, int(maxPause/time.Second))) * time.Second
}

func passingStatus(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// passing says whether another try may help against a fault of the network.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.IsTemporary && !dns.IsNotFound
	}
	for _, fault := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, net.ErrClosed, errStalled, errNoRange} {
		if errors.Is(err, fault) {
			return true
		}
	}
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// cutOff says how far a transfer came.
type cutOff struct {
	what      string
	got, want int64 // bytes
	err       error
}

func (e *cutOff) Error() string {
	return fmt.Sprintf("%s: the transfer broke off after %d of %d bytes: %v", e.what, e.got, e.want, e.err)
}

func (e *cutOff) Unwrap() error { return e.err }
