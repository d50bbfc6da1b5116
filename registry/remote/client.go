// Package remote pulls images from registries and pushes them, over go-containerregistry.
//
// Manifests and configs are verified against their digests before anybody sees them. A layer is
// handed out as the registry sends it, never longer than its descriptor says and resumed where
// a transfer breaks off; whoever stores it verifies its digest (see store.Tee). Every error of a
// registry is an *Error, which says what to do about it.
//
// Plain HTTP, and TLS that is not verified, are for registries on this machine and for
// Options.Insecure. The package keeps nothing on the disk and knows no mirrors.
package remote

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/shbuild/shbuild/registry/reference"
)

// Options of a client. The zero value is what a user at a shell expects.
type Options struct {
	Insecure  bool           // allow plain HTTP, and do not verify TLS
	UserAgent string         // in front of go-containerregistry's own; empty: shbuild
	Keychain  authn.Keychain // nil: Docker's and podman's files and credential helpers
	Tries     int            // how often a request is made before a passing fault counts; zero: 5
	Pause     time.Duration  // before the second try, then doubled each time; zero: 250 ms
	Stall     time.Duration  // without a byte, after which a transfer counts as broken; zero: 1 min
	// Watch is told what takes time: when it begins, and by the function that it returns when it ends; nil: nobody is.
	Watch func(ctx context.Context, what string) (context.Context, func())
}

// Client talks to registries. It keeps connections open between calls; all methods may be called
// at once.
type Client struct {
	o      Options
	strict *http.Transport // verifies TLS
	lax    *http.Transport // does not
}

// New makes a client; nothing is connected yet.
func New(o Options) *Client {
	if o.UserAgent == "" {
		o.UserAgent = "shbuild"
	}
	if o.Tries == 0 {
		o.Tries = 5
	}
	if o.Pause == 0 {
		o.Pause = 250 * time.Millisecond
	}
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if o.Watch == nil {
		o.Watch = func(ctx context.Context, _ string) (context.Context, func()) { return ctx, func() {} }
	}
	return &Client{o: o, strict: newTransport(false), lax: newTransport(true)}
}

// Close lets idle connections go.
func (c *Client) Close() {
	c.strict.CloseIdleConnections()
	c.lax.CloseIdleConnections()
}

// repo is a repository that the client has shown its credentials to.
type repo struct {
	client *Client
	ref    reference.Ref
	remote name.Reference
	http   *http.Client
	login  login
}

// connect finds out whether the registry speaks TLS and what it wants for a login, and logs in.
// Action is transport.PullScope or PushScope.
func (c *Client) connect(ctx context.Context, typed, action string) (*repo, error) {
	ref, err := reference.Parse(typed)
	if err != nil {
		return nil, err
	}
	ctx, ended := c.o.Watch(ctx, "log in to "+ref.Domain)
	defer ended()
	plain := c.o.Insecure || ref.Loopback()
	r := &repo{client: c, ref: ref}
	if r.remote, err = ref.Remote(plain); err != nil {
		return nil, err
	}
	registry := r.remote.Context().Registry
	base := &guarded{registry: registry.RegistryStr(), plain: plain, insecure: c.o.Insecure, strict: c.strict, lax: c.lax}
	retrying := &retrier{next: base, tries: c.o.Tries, pause: c.o.Pause}
	if r.login, err = c.login(ctx, ref, r.remote.Context()); err != nil {
		return nil, r.explain(err)
	}
	authorized, err := transport.NewWithContext(ctx, registry, r.login.auth,
		transport.NewUserAgent(retrying, c.o.UserAgent), []string{r.remote.Scope(action)})
	if err != nil {
		return nil, r.notRegistry(r.explain(err))
	}
	r.http = &http.Client{Transport: authorized}
	return r, nil
}

// notRegistry corrects what was found out: where /v2/ is unknown, so is every image.
func (r *repo) notRegistry(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Kind == NotFound {
		return r.fail(Refused, "check the host name and the port", "%s answers, but is no registry", r.ref.Domain)
	}
	return err
}

// Bounds on waiting, chosen for registries far away and overloaded.
const (
	dialTimeout      = 30 * time.Second
	handshakeTimeout = 15 * time.Second
	answerTimeout    = 5 * time.Minute // a registry may copy a large upload before it answers
	idleTimeout      = 90 * time.Second
	connsPerHost     = 16
)

func newTransport(skipVerify bool) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:       tlsConfig(skipVerify),
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   handshakeTimeout,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConnsPerHost:   connsPerHost,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // a blob's digest is of the bytes as they are
	}
}
