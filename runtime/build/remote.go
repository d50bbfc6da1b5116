package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/fetch"
	"github.com/shbuild/shbuild/runtime/trace"
)

// A remoteSource is a source of ADD that is fetched: a URL's file, or a repository's tree.
type remoteSource struct {
	url      string
	name     string            // that the URL's file gets; empty: by the URL
	checksum digest.Digest     // of the URL's file; empty: any
	repo     *fetch.Repository // nil: a URL
	unpack   bool              // a URL's file, if it is an archive: only where that was asked for
}

// readRemotes reads the sources that are not files of the build context: c.remotes holds them by their words.
func (c *copying) readRemotes() error {
	c.remotes = map[string]*remoteSource{}
	for _, src := range c.sources {
		r, err := c.readRemote(src)
		if err != nil {
			return fmt.Errorf("%s: %w", src, err)
		}
		if r == nil {
			continue
		}
		if c.word == "COPY" {
			return diag.WithHint(fmt.Errorf("%s: a source of COPY is a path", src), "ADD takes addresses")
		}
		c.remotes[src] = r
	}
	switch {
	case c.checksum == "":
		return nil
	case len(c.sources) != 1:
		return errors.New("--checksum goes with a single source")
	case len(c.remotes) == 0:
		return diag.WithHint(errors.New("--checksum goes with the address of a file or a repository"), "a file of the build context is what it is: leave the flag out")
	}
	return nil
}

func (c *copying) readRemote(src string) (*remoteSource, error) {
	repo, err := fetch.ParseRepository(src, false)
	switch {
	case err != nil:
		return nil, err
	case repo != nil:
		return &remoteSource{repo: repo}, c.setRepository(repo, fetch.SaysKeep(src))
	case !fetch.IsURL(src):
		return nil, nil
	}
	r := &remoteSource{url: src, unpack: c.unpackRemote}
	if c.checksum != "" {
		r.checksum, err = fetch.ParseChecksum(c.checksum)
	}
	return r, err
}

// setRepository lets ADD's flags say of a repository what its address does not, and never another thing.
func (c *copying) setRepository(repo *fetch.Repository, said *bool) error {
	if c.keepGitDir != nil {
		if said != nil && *said != *c.keepGitDir {
			return errors.New("--keep-git-dir is not what the address says of it")
		}
		repo.KeepGitDir = *c.keepGitDir
	}
	if c.checksum != "" {
		if repo.Checksum != "" && repo.Checksum != c.checksum {
			return errors.New("--checksum is not the one in the address")
		}
		repo.Checksum = c.checksum
	}
	repo.CommitTimes = false // as in BuildKit, which heeds it for contexts only
	return repo.Check()
}

// A part is some sources of a COPY or ADD, one after another, that come from one place.
type part struct {
	key string // names the content
	// Of files of the build context or a stage, for --why: what they are, and what the key is the digest of; nil: that
	// is too much to keep.
	matches  []buildctx.Match
	contents []byte
	unpack   bool
	// open gives the sources, and what ends their use.
	open func(ctx context.Context) (*buildctx.Tree, []buildctx.Match, func() error, error)
}

// copy copies the sources into a stage's root.
func (p part) copy(ctx context.Context, to *buildctx.Dest, dest string, o buildctx.CopyOptions) error {
	tree, matches, done, err := p.open(ctx)
	if err != nil || len(matches) == 0 {
		return err
	}
	o.Unpack = p.unpack
	return errors.Join(to.Copy(ctx, tree, matches, dest, o), done())
}

// parts finds the sources, in their order. Those that are not fetched are in the tree.
func (b *Builder) parts(ctx context.Context, c *copying, tree *buildctx.Tree) ([]part, error) {
	var out []part
	var local []string
	flush := func() error {
		if len(local) == 0 {
			return nil
		}
		p, err := c.localPart(ctx, tree, local)
		out, local = append(out, p), nil
		return err
	}
	for _, src := range c.sources {
		r := c.remotes[src]
		if r == nil {
			local = append(local, src)
			continue
		}
		if err := flush(); err != nil {
			return nil, err
		}
		_, span := trace.Start(ctx, "ask the server")
		p, err := b.remotePart(c, r)
		span.End()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, flush()
}

func (c *copying) localPart(ctx context.Context, tree *buildctx.Tree, sources []string) (part, error) {
	ctx, span := trace.Start(ctx, "walk and hash")
	defer span.End()
	matches, err := tree.Find(sources, buildctx.FindOptions{Excludes: c.excludes, Parents: c.parents})
	if err != nil || len(matches) == 0 {
		return part{open: noSources}, err
	}
	p := part{unpack: c.unpack, matches: matches, open: func(context.Context) (*buildctx.Tree, []buildctx.Match, func() error, error) {
		return tree, matches, func() error { return nil }, nil
	}}
	p.key, p.contents, err = tree.Contents(ctx, matches)
	return p, err
}

func noSources(context.Context) (*buildctx.Tree, []buildctx.Match, func() error, error) {
	return nil, nil, func() error { return nil }, nil
}

func (b *Builder) remotePart(c *copying, r *remoteSource) (part, error) {
	if r.repo != nil {
		return b.repositoryPart(c, r.repo)
	}
	return b.urlPart(c, r)
}

// repositoryPart is a repository's tree, known by its commit: it is checked out only if it must be copied.
func (b *Builder) repositoryPart(c *copying, repo *fetch.Repository) (part, error) {
	commit, err := b.commitOf(repo)
	if err != nil {
		return part{}, err
	}
	key := repo.Key(commit) + fmt.Sprintf(" %q\n", c.excludes)
	return part{key: key, open: func(ctx context.Context) (*buildctx.Tree, []buildctx.Match, func() error, error) {
		dir, err := b.fetchFolder()
		if err == nil {
			err = b.fetcher.Checkout(ctx, repo, commit, dir)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		return openFetched(dir, "/", buildctx.FindOptions{Excludes: c.excludes})
	}}, nil
}

// urlPart is a URL's file. One whose checksum is given is fetched only if it must be copied.
func (b *Builder) urlPart(c *copying, r *remoteSource) (part, error) {
	name := r.name
	if name == "" {
		name = fetch.FileName(r.url)
	}
	p := part{unpack: r.unpack, key: string(r.checksum)}
	if r.checksum == "" {
		f, err := b.fileOf(r.url, "")
		if err != nil {
			return p, err
		}
		p.key = f.Digest.String()
		if !f.Modified.IsZero() {
			p.key += " " + f.Modified.UTC().Format(time.RFC3339)
		}
	}
	p.key += fmt.Sprintf(" %s %t %q\n", name, r.unpack, c.excludes)
	p.open = func(ctx context.Context) (*buildctx.Tree, []buildctx.Match, func() error, error) {
		f, err := b.fileOf(r.url, r.checksum)
		if err != nil {
			return nil, nil, nil, err
		}
		dir, err := b.fetchFolder()
		if err == nil {
			err = placeFile(f, filepath.Join(dir, name))
		}
		if err != nil {
			return nil, nil, nil, err
		}
		return openFetched(dir, "/"+name, buildctx.FindOptions{Excludes: c.excludes, Literal: true})
	}
	return p, nil
}

// placeFile copies a fetched file to where it has its name, its mode and its time: the server's, else 1970.
func placeFile(f *fetch.File, path string) error {
	in, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	modified := f.Modified
	if modified.IsZero() {
		modified = time.Unix(0, 0)
	}
	return os.Chtimes(path, modified, modified)
}

func openFetched(dir, source string, o buildctx.FindOptions) (*buildctx.Tree, []buildctx.Match, func() error, error) {
	tree, err := buildctx.Root(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	matches, err := tree.Find([]string{source}, o)
	return tree, matches, func() error { return errors.Join(tree.Close(), os.RemoveAll(dir)) }, err
}
