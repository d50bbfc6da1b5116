package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/trace"
	"github.com/shbuild/shbuild/runtime/userns"
)

// ready is a RUN's mounts, ready to be put into its container. All that was made for them goes with release.
type ready struct {
	b       *Builder
	root    *userns.Root // of the container
	mounts  []sandbox.Mount
	env     []string // secrets that are variables
	secrets [][]byte // all that was given away
	undo    []func() error

	secretDir string            // a tmpfs with the secrets that are files; empty: none yet
	caches    map[string]string // cache folders by name: those of one RUN share them
}

// prepare makes all mounts ready. The caller releases them, also after an error.
func (r *ready) prepare(ctx context.Context, mounts []mount, deps []files) error {
	below := make([]files, len(mounts))
	for i, m := range mounts {
		if m.from != nil {
			below[i], deps = deps[0], deps[1:]
		}
	}
	if len(mounts) == 0 {
		return nil
	}
	ctx, span := trace.Start(ctx, "prepare the mounts")
	defer span.End()
	if err := r.takeCaches(ctx, mounts, below); err != nil {
		return err
	}
	for i, m := range mounts {
		var err error
		switch m.Type {
		case instructions.MountTypeTmpfs:
			r.tmpfs(m)
		case instructions.MountTypeCache:
			err = r.cache(m, below[i])
		case instructions.MountTypeSecret:
			err = r.secret(m)
		case instructions.MountTypeSSH:
			err = r.agent(m)
		default:
			err = r.bind(ctx, m, below[i])
		}
		if err != nil {
			return fmt.Errorf("--mount=type=%s: %w", m.Type, err)
		}
	}
	return nil
}

// release undoes what was made, the last first.
func (r *ready) release() error {
	var errs []error
	for _, undo := range slices.Backward(r.undo) {
		errs = append(errs, undo())
	}
	r.undo = nil
	return errors.Join(errs...)
}

func (r *ready) later(undo func() error) { r.undo = append(r.undo, undo) }

func (r *ready) add(m sandbox.Mount) { r.mounts = append(r.mounts, m) }

func (r *ready) tmpfs(m mount) {
	t := sandbox.Mount{Type: "tmpfs", Target: m.target, ReadOnly: m.ReadOnly, Options: []string{"nosuid"}}
	if m.SizeLimit > 0 {
		t.Options = append(t.Options, fmt.Sprintf("size=%d", m.SizeLimit))
	}
	r.add(t)
}

// bind mounts a stage's files. What a RUN writes there is dropped.
func (r *ready) bind(ctx context.Context, m mount, below files) error {
	root, err := r.mountFiles(ctx, below, !m.ReadOnly)
	if err != nil {
		return err
	}
	source := m.Source
	if m.real != nil {
		source = *m.real
	}
	if source, err = within(root, source); err != nil {
		return err
	}
	r.add(sandbox.Mount{Type: "bind", Source: source, Target: m.target, ReadOnly: m.ReadOnly})
	return nil
}

// mountFiles mounts files until release.
func (r *ready) mountFiles(ctx context.Context, below files, writable bool) (root string, err error) {
	if !writable {
		root, done, err := r.b.mountFor(ctx, below, nil, r.root)
		if err == nil {
			r.later(func() error { return done(false) }) // where it is a copy the RUN may have changed it all the same
		}
		return root, err
	}
	draft, err := r.b.layers.Draft()
	if err != nil {
		return "", err
	}
	r.later(draft.Discard)
	root, done, err := r.b.mountFor(ctx, below, draft, r.root)
	if err == nil {
		r.later(func() error { return done(false) })
	}
	return root, err
}

// within is the path of a mount's source in a tree, links followed inside it.
func within(root, source string) (string, error) {
	path, err := securejoin.SecureJoin(root, source)
	if err != nil {
		return "", fmt.Errorf("source=%s: %w", source, err)
	}
	if _, err := os.Lstat(path); err != nil {
		return "", noSource(source, err)
	}
	return path, nil
}

func noSource(source string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("source=%s: there is no such file or folder in it", source)
	}
	return fmt.Errorf("source=%s: %w", source, err)
}
