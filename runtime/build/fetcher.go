package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/shbuild/shbuild/runtime/fetch"
)

// fetchFolder is an empty folder of this build's.
func (b *Builder) fetchFolder() (string, error) {
	if err := b.work(); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(b.temp, "fetched-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("make a folder for what is fetched: %w", err)
	}
	return dir, nil
}

// openFetcher makes ready to fetch: with the secrets that were given to the build, and the keys of --ssh default.
func (b *Builder) openFetcher() error {
	o := fetch.Options{Dir: filepath.Join(b.opts.Root, "fetched"), UserAgent: "shbuild", KnownHosts: b.opts.KnownHosts}
	o.Secret = func(id string) ([]byte, bool) {
		data, err := b.secret(id)
		return data, err == nil
	}
	b.stopAgent = func() error { return nil }
	if agent := b.agents["default"]; agent != nil {
		dir, err := os.MkdirTemp("", "shbuild-ssh-") // a socket's path may have 107 bytes
		if err != nil {
			return fmt.Errorf("serve SSH keys: %w", err)
		}
		stop, err := agent.Serve(dir, "agent", 0, 0, 0o600)
		if err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
		o.Agent = filepath.Join(dir, "agent")
		b.stopAgent = func() error { return errors.Join(stop(), os.RemoveAll(dir)) }
	}
	b.fetcher = fetch.New(o)
	return nil
}

// commitOf and fileOf ask a server once in a build, so that one build sees one state of it.
func (b *Builder) commitOf(repo *fetch.Repository) (*fetch.Commit, error) {
	return once(b, fmt.Sprintf("git %+v", *repo), func() (*fetch.Commit, error) { return b.fetcher.Resolve(b.whole, repo) })
}

func (b *Builder) fileOf(url string, sum digest.Digest) (*fetch.File, error) {
	return once(b, "url "+url+" "+string(sum), func() (*fetch.File, error) { return b.fetcher.URL(b.whole, url, sum) })
}

// once does something that a build does once, by a name.
func once[T any](b *Builder, name string, do func() (T, error)) (T, error) {
	if err := b.work(); err != nil {
		var none T
		return none, err
	}
	f, _ := b.fetched.LoadOrStore(name, sync.OnceValues(do))
	return f.(func() (T, error))()
}
