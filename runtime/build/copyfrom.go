package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/trace"
)

// A stageSource is the sources of a COPY --from. The files that they are in never change, so that what was once found
// out about them holds for good: while the cache knows it, nothing is mounted, walked or read.
type stageSource struct {
	b    *Builder
	c    *copying
	from files

	tree    *buildctx.Tree // nil: not mounted
	matches []buildctx.Match
	unmount func(unchanged bool) error
}

// part is the sources as a part, which is usable until close.
func (s *stageSource) part(ctx context.Context) (part, error) {
	p := part{unpack: s.c.unpack, open: func(ctx context.Context) (*buildctx.Tree, []buildctx.Match, func() error, error) {
		err := s.open(ctx)
		return s.tree, s.matches, func() error { return nil }, err
	}}
	key, err := s.key()
	if err != nil {
		return part{}, err
	}
	if f, ok := s.b.cache.Found(key); ok {
		p.key = f.Digest
		for _, path := range f.Paths {
			p.matches = append(p.matches, buildctx.Match{Path: path})
		}
		return p, nil
	}
	if err := s.open(ctx); err != nil {
		return part{}, err
	}
	if len(s.matches) == 0 {
		return part{open: noSources}, nil
	}
	ctx, span := trace.Start(ctx, "walk and hash")
	p.matches = s.matches
	p.key, p.contents, err = s.tree.Contents(ctx, s.matches)
	span.End()
	if err != nil {
		return part{}, err
	}
	// First what it is the digest of: whoever finds the answer does not look again.
	if p.contents != nil {
		if err := s.b.cache.PutContent(p.key, p.contents); err != nil {
			return part{}, err
		}
	}
	return p, s.b.cache.PutFound(key, cache.Found{Digest: p.key, Paths: p.paths()})
}

// key names what is asked of which files.
func (s *stageSource) key() (string, error) {
	data, err := json.Marshal(struct {
		Version           int // raised when the digest of the same files becomes another
		From              string
		Sources, Excludes []string
		Parents           bool
	}{1, s.from.key(), s.c.sources, s.c.excludes, s.c.parents})
	if err != nil {
		return "", fmt.Errorf("name the sources for the cache: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// open mounts the files and finds the sources, once.
func (s *stageSource) open(ctx context.Context) error {
	if s.tree != nil {
		return nil
	}
	root, unmount, err := s.b.mount(ctx, s.from, nil)
	if err != nil {
		return err
	}
	s.unmount = unmount
	if s.tree, err = buildctx.Root(root); err != nil {
		return err
	}
	s.matches, err = s.tree.Find(s.c.sources, buildctx.FindOptions{Excludes: s.c.excludes, Parents: s.c.parents})
	return err
}

func (s *stageSource) close() error {
	var err error
	if s.tree != nil {
		err = s.tree.Close()
	}
	if s.unmount != nil {
		err = errors.Join(err, s.unmount(true))
	}
	return err
}
