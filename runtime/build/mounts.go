package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/gofrs/flock"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/rootfs"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

// A mount is one --mount of a RUN.
type mount struct {
	*instructions.Mount
	target string // absolute
	from   *node  // bind: whose files; nil: none are needed
}

// mountInputs are what a RUN's result depends on in a mount: what is in a
// cache folder is not part of it.
type mountInputs struct {
	Type, Target, Source string
	ReadOnly             bool
	ID                   string `json:",omitempty"`
	Files                string `json:",omitempty"`
}

// mounts reads a RUN's --mount flags. Files of the build context are mounted
// as COPY would take them, ignore rules and owners included.
func (b *Builder) mounts(ctx context.Context, s *stage, sc *scope, in *input, c *instructions.RunCommand) ([]mount, error) {
	var out []mount
	for _, m := range instructions.GetMounts(c) {
		mt := mount{Mount: m, target: m.Target}
		if !path.IsAbs(mt.target) {
			mt.target = path.Join(s.workdir(), mt.target)
		}
		if mt.target = path.Clean(mt.target); mt.target == "/" {
			return nil, fmt.Errorf("--mount: target=%s is the root folder", m.Target)
		}
		switch m.Type {
		case instructions.MountTypeBind:
			if m.From == "" {
				mt.from = b.contextNode(in, m.Source)
				break
			}
			var err error
			if mt.from, err = b.fromNode(ctx, sc, in, m.From); err != nil {
				return nil, err
			}
		case instructions.MountTypeTmpfs:
		case instructions.MountTypeCache:
			if m.From != "" {
				return nil, diag.WithHint(fmt.Errorf("--mount=type=cache: from=%s cannot be had in this version", m.From), "leave from= out; the cache starts empty")
			}
		default:
			return nil, fmt.Errorf("--mount=type=%s cannot be had in this version", m.Type)
		}
		out = append(out, mt)
	}
	return out, nil
}

// contextNode is a node with a source of the build context as its files.
func (b *Builder) contextNode(in *input, source string) *node {
	source = path.Join("/", source)
	c := &copying{word: "COPY", sources: []string{source}, dest: "/", parents: source != "/"}
	return &node{make: func(ctx context.Context, _ files, _ []files) (files, error) {
		return b.copied(ctx, in, "load "+c.sources[0]+" from the build context", c, "/", files{}, false, files{})
	}}
}

func mountDeps(mounts []mount) []*node {
	var out []*node
	for _, m := range mounts {
		if m.from != nil {
			out = append(out, m.from)
		}
	}
	return out
}

func mountKeys(mounts []mount, deps []files) []mountInputs {
	var out []mountInputs
	for _, m := range mounts {
		in := mountInputs{Type: string(m.Type), Target: m.target, Source: m.Source, ReadOnly: m.ReadOnly, ID: m.CacheID}
		if m.from != nil {
			in.Files, deps = deps[0].key(), deps[1:]
		}
		out = append(out, in)
	}
	return out
}

// withMounts runs f with the mounts ready to be bound into a container.
func (b *Builder) withMounts(ctx context.Context, mounts []mount, deps []files, f func([]sandbox.Mount) error) error {
	return b.bindAll(ctx, mounts, deps, nil, f)
}

func (b *Builder) bindAll(ctx context.Context, mounts []mount, deps []files, bound []sandbox.Mount, f func([]sandbox.Mount) error) error {
	if len(mounts) == 0 {
		return f(bound)
	}
	m, rest := mounts[0], mounts[1:]
	next := func(sm sandbox.Mount) error { return b.bindAll(ctx, rest, deps, append(bound, sm), f) }
	switch m.Type {
	case instructions.MountTypeTmpfs:
		tmpfs := sandbox.Mount{Type: "tmpfs", Target: m.target}
		if m.SizeLimit > 0 {
			tmpfs.Options = []string{fmt.Sprintf("size=%d", m.SizeLimit)}
		}
		return next(tmpfs)
	case instructions.MountTypeCache:
		return b.bindCache(ctx, m, next)
	}
	below := deps[0]
	deps = deps[1:]
	return b.bindFiles(m, below, next)
}

// bindFiles mounts a stage's files. What a RUN writes there is dropped.
func (b *Builder) bindFiles(m mount, below files, next func(sandbox.Mount) error) (err error) {
	draft, err := b.layers.Draft()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Discard()) }()
	return b.mounted(below, draft, func(root string) error {
		source, err := securejoin.SecureJoin(root, m.Source)
		if err != nil {
			return fmt.Errorf("--mount: source=%s: %w", m.Source, err)
		}
		if _, err := os.Lstat(source); err != nil {
			return fmt.Errorf("--mount: source=%s: there is no such file or folder in it", m.Source)
		}
		return next(sandbox.Mount{Type: "bind", Source: source, Target: m.target, ReadOnly: m.ReadOnly})
	})
}

// bindCache gives a folder that outlives the build. Sharing "locked" and
// "private" let one RUN at a time use it; "shared" lets all.
func (b *Builder) bindCache(ctx context.Context, m mount, next func(sandbox.Mount) error) (err error) {
	id := m.CacheID
	if id == "" {
		id = m.target
	}
	sum := sha256.Sum256([]byte(id))
	top := filepath.Join(b.opts.Root, "mounts", hex.EncodeToString(sum[:16]))
	dir := filepath.Join(top, "files")
	if err := b.makeCache(m, top, dir); err != nil {
		return fmt.Errorf("--mount=type=cache: %w", err)
	}
	if m.CacheSharing == instructions.MountSharingLocked || m.CacheSharing == instructions.MountSharingPrivate {
		lock := flock.New(filepath.Join(top, "lock"))
		if _, err := lock.TryLockContext(ctx, cacheRetry); err != nil {
			return fmt.Errorf("--mount=type=cache: wait for the folder: %w", err)
		}
		defer func() { err = errors.Join(err, lock.Close()) }()
	}
	source, err := securejoin.SecureJoin(dir, m.Source)
	if err != nil {
		return err
	}
	return next(sandbox.Mount{Type: "bind", Source: source, Target: m.target, ReadOnly: m.ReadOnly})
}

// cacheRetry is how often a RUN asks again for a cache folder that another
// one has.
const cacheRetry = 50 * time.Millisecond

func (b *Builder) makeCache(m mount, top, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	mode := os.FileMode(0o755)
	if m.Mode != nil {
		mode = os.FileMode(*m.Mode)
	}
	user := rootfs.User{}
	if m.UID != nil {
		user.UID = int(*m.UID)
	}
	if m.GID != nil {
		user.GID = int(*m.GID)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(os.Chmod(dir, mode), os.Chown(dir, user.UID, user.GID))
}
