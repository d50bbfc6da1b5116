package fetch

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
)

// Options of New.
type Options struct {
	// Dir keeps what was fetched between builds.
	Dir string
	// UserAgent is what HTTP servers are told; empty: Go's own.
	UserAgent string
	// Agent is the socket of the SSH agent whose keys git may use; empty: none.
	Agent string
	// KnownHosts is a file with the keys of SSH hosts that the user trusts; empty: none.
	KnownHosts string
	// Secret gives a secret by its id, those that BuildKit asks for: HTTP_AUTH_TOKEN_HOST and HTTP_AUTH_HEADER_HOST
	// for URLs, GIT_AUTH_TOKEN and GIT_AUTH_HEADER, with .HOST or without, for repositories. nil: there are none.
	Secret func(id string) ([]byte, bool)
}

// Fetcher fetches. Its methods may be called at once.
type Fetcher struct {
	opts   Options
	client *http.Client

	mu   sync.Mutex
	used *flock.Flock // held, shared with other builds, once something was asked for
}

// New makes a fetcher. The folder is made when the first thing comes. Close must be called; the files that URL gives
// are there until then.
func New(o Options) *Fetcher {
	return &Fetcher{opts: o, client: &http.Client{}}
}

// folder makes a folder of the fetcher's own.
func (f *Fetcher) folder(name string) (string, error) {
	if err := f.use(); err != nil {
		return "", err
	}
	dir := filepath.Join(f.opts.Dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("keep what was fetched: %w", err)
	}
	return dir, nil
}
