package fetch

import (
	"context"
	"fmt"
	"strings"

	"github.com/shbuild/shbuild/internal/pattern"
)

// Commit is what a repository's ref stands for.
type Commit struct {
	Hash   string // of the commit; of the tag where that is one by itself and Peeled is the commit
	Peeled string // of an annotated tag; else empty
	ref    string // by which the server names it; empty: by hash alone
}

var wholeHash = pattern.Lazy(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Key names the tree: two of one key are the same.
func (r *Repository) Key(c *Commit) string {
	key := c.Hash
	if r.KeepGitDir {
		key += " .git " + r.Ref + " " + Redacted(r.Remote)
	} else if c.Peeled != "" {
		key = c.Peeled
	}
	if r.Subdir != "" {
		key += " :" + r.Subdir
	}
	if r.SkipSubmodules {
		key += " (without submodules)"
	}
	return key
}

// Resolve asks the server which commit the ref is. A whole hash is not asked for.
func (f *Fetcher) Resolve(ctx context.Context, r *Repository) (*Commit, error) {
	c, err := f.resolve(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", Redacted(r.Remote), err)
	}
	if r.Checksum != "" && !strings.HasPrefix(c.Hash, r.Checksum) && !strings.HasPrefix(c.Peeled, r.Checksum) {
		is := c.Hash
		if c.Peeled != "" {
			is = c.Peeled
		}
		return nil, hinted(fmt.Errorf("fetch %s: the commit is %s, not %s", Redacted(r.Remote), is, r.Checksum), "the branch or tag has moved, or the checksum is another commit's")
	}
	return c, nil
}

func (f *Fetcher) resolve(ctx context.Context, r *Repository) (*Commit, error) {
	dir, err := f.folder("git")
	if err != nil {
		return nil, err
	}
	if wholeHash().MatchString(r.Ref) {
		return &Commit{Hash: r.Ref}, nil
	}
	g := &git{fetcher: f, dir: dir, auth: f.gitSecret(r.Remote)}
	ref := r.Ref
	if ref == "" {
		if ref, err = defaultBranch(ctx, g, r.Remote); err != nil {
			return nil, err
		}
	}
	out, err := g.run(ctx, "ls-remote", "--", r.Remote, ref, ref+"^{}")
	if err != nil {
		return nil, err
	}
	c := choose(ref, out)
	if c == nil {
		return nil, hinted(fmt.Errorf("the repository has no branch or tag %s", ref), "git ls-remote "+Redacted(r.Remote)+" lists them; a commit is named by its whole hash")
	}
	return c, nil
}

var headLine = pattern.Lazy(`(?m)^ref: (refs/heads/\S+)\tHEAD$`)

func defaultBranch(ctx context.Context, g *git, remote string) (string, error) {
	out, err := g.run(ctx, "ls-remote", "--symref", "--", remote, "HEAD")
	if err != nil {
		return "", err
	}
	m := headLine().FindStringSubmatch(out)
	if m == nil {
		return "", hinted(fmt.Errorf("the repository does not say which branch is its default"), "name one: #main")
	}
	return m[1], nil
}

// choose reads ls-remote's answer. A full name goes first, then a branch, then a tag.
func choose(ref, answer string) *Commit {
	found := map[string]string{}
	for line := range strings.Lines(answer) {
		hash, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if wholeHash().MatchString(hash) {
			found[name] = hash
		}
	}
	tag := "refs/tags/" + strings.TrimPrefix(ref, "refs/tags/")
	for _, name := range []string{"refs/" + strings.TrimPrefix(ref, "refs/"), "refs/heads/" + strings.TrimPrefix(ref, "refs/heads/"), tag} {
		if hash := found[name]; hash != "" {
			c := &Commit{Hash: hash, ref: name}
			if name == tag {
				c.Peeled = found[tag+"^{}"]
			}
			return c
		}
	}
	return nil
}
