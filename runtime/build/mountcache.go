package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/gofrs/flock"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/owner"
	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/userns"
)

// Cache folders outlive builds:
//
//	ROOT/mounts/NAME/N        the folder; there is more than one where "private" users came at once
//	ROOT/mounts/NAME/N.lock   locked by who uses it: shared by "shared", alone by "private" and "locked"
//	ROOT/mounts/NAME/N.making locked by who makes the folder
//
// The kernel drops a lock when its process dies. NAME is a hash over all that BuildKit tells cache folders apart
// by: the id, what they begin with, and the owner and mode that they are made with; and over USERNS's user, whose the
// files are.

// cacheName is the NAME of a mount's folder.
func cacheName(m mount, below files, root *userns.Root) string {
	text := m.id
	if m.from != nil {
		text += "\x00from " + below.key() + " " + path.Join("/", m.Source)
	}
	if m.fresh() {
		uid, gid := mountOwner(m)
		text += fmt.Sprintf("\x00owner %d:%d %o", uid, gid, folderMode(m))
	}
	if root != nil {
		text += "\x00root " + root.String()
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// fresh says whether the folder is a new one whatever from= has: so it is in BuildKit when owner or mode are given
// and no source.
func (m mount) fresh() bool {
	return path.Join("/", m.Source) == "/" && (m.Mode != nil || m.UID != nil || m.GID != nil)
}

func folderMode(m mount) os.FileMode {
	if m.Mode == nil {
		return 0o755
	}
	return os.FileMode(*m.Mode & 0o777) // no more, as in BuildKit
}

// takeCaches takes the cache folders of a RUN: in the order of their names, so that two RUNs which want the same
// ones never wait for each other.
func (r *ready) takeCaches(ctx context.Context, mounts []mount, below []files) error {
	wanted := map[string]int{}
	for i, m := range mounts {
		if m.Type != instructions.MountTypeCache {
			continue
		}
		if name := cacheName(m, below[i], r.root); wanted[name] == 0 {
			wanted[name] = i + 1
		}
	}
	names := make([]string, 0, len(wanted))
	for name := range wanted {
		names = append(names, name)
	}
	slices.Sort(names)
	r.caches = map[string]string{}
	for _, name := range names {
		i := wanted[name] - 1
		dir, err := r.takeCache(ctx, name, mounts[i], below[i])
		if err != nil {
			return fmt.Errorf("--mount=type=cache: %w", err)
		}
		r.caches[name] = dir
	}
	return nil
}

// takeCache takes the first of a cache's folders that is free. If none is, "locked" waits, the others make one more.
func (r *ready) takeCache(ctx context.Context, name string, m mount, below files) (string, error) {
	top := filepath.Join(r.b.stateDir("mounts"), name)
	if err := os.MkdirAll(top, 0o700); err != nil {
		return "", err
	}
	for {
		for n := 0; ; n++ {
			dir := filepath.Join(top, strconv.Itoa(n))
			_, err := os.Lstat(dir + ".lock")
			last := errors.Is(err, fs.ErrNotExist)
			if last && n > 0 && r.b.waits(m) {
				break
			}
			taken, err := r.tryCache(ctx, dir, m, below)
			if err != nil {
				return "", err
			}
			if taken {
				return dir, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(cacheRetry):
		}
	}
}

// cacheRetry is how often a RUN asks again for a cache folder that another one has.
const cacheRetry = 50 * time.Millisecond

// tryCache takes one folder if it is free, and makes it if it is not there.
func (r *ready) tryCache(ctx context.Context, dir string, m mount, below files) (taken bool, err error) {
	if err := r.makeCache(ctx, dir, m, below); err != nil {
		return false, err
	}
	lock := flock.New(dir + ".lock")
	try := lock.TryLock
	if shared(m) && !mustCopy(r.b.opts.Isolation) {
		try = lock.TryRLock
	}
	if taken, err = try(); err != nil {
		return false, fmt.Errorf("lock the cache folder: %w", errors.Join(err, lock.Close()))
	}
	if !taken {
		return false, lock.Close()
	}
	r.later(lock.Close)
	return true, nil
}

// shared says whether RUNs may have the mount's folder at once.
func shared(m mount) bool {
	return m.CacheSharing == "" || m.CacheSharing == instructions.MountSharingShared
}

// waits says whether a RUN waits for a folder that another one has. Where nothing can be mounted the folder itself is
// moved to who uses it, and what should be shared can only be had in turn.
func (b *Builder) waits(m mount) bool {
	return m.CacheSharing == instructions.MountSharingLocked || shared(m) && mustCopy(b.opts.Isolation)
}

// makeCache makes a cache folder with what it begins with, if it is not there. It comes into being by one rename,
// under a lock that is not its users': these must not take the maker for one of them.
func (r *ready) makeCache(ctx context.Context, dir string, m mount, below files) (err error) {
	if _, err := os.Lstat(dir); err == nil {
		return nil
	}
	making := flock.New(dir + ".making")
	if _, err := making.TryLockContext(ctx, cacheRetry); err != nil {
		return fmt.Errorf("lock the cache folder: %w", err)
	}
	defer func() { err = errors.Join(err, making.Close()) }()
	if _, err := os.Lstat(dir); err == nil {
		return nil // made meanwhile
	}
	fresh := dir + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.Mkdir(fresh, 0o755)); err != nil {
		return err
	}
	mode, uid, gid := os.FileMode(0o755), 0, 0
	if m.fresh() {
		uid, gid = mountOwner(m)
		mode = folderMode(m)
	} else if m.from != nil {
		if err := r.fillCache(ctx, fresh, m, below); err != nil {
			return errors.Join(err, os.RemoveAll(fresh))
		}
		return os.Rename(fresh, dir)
	}
	if uid, gid, err = ownerFor(r.root, uid, gid); err != nil {
		return err
	}
	if err := errors.Join(owner.Chown(fresh, uid, gid), os.Chmod(fresh, mode)); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// fillCache copies what from= and source= name.
func (r *ready) fillCache(ctx context.Context, dir string, m mount, below files) (err error) {
	root, done, err := r.b.mountFor(ctx, below, nil, r.root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done(err == nil)) }()
	source, err := within(root, m.Source)
	if err != nil {
		return err
	}
	tree, err := buildctx.Root(source)
	if err != nil {
		return fmt.Errorf("source=%s: %w", m.Source, err)
	}
	defer tree.Close()
	matches, err := tree.Find([]string{"/"}, buildctx.FindOptions{})
	if err != nil {
		return err
	}
	if err := buildctx.Copy(ctx, tree, matches, dir, "/", buildctx.CopyOptions{}); err != nil {
		return err
	}
	return sameFolder(source, dir)
}

// cache mounts a folder that was taken.
func (r *ready) cache(m mount, below files) error {
	dir := r.caches[cacheName(m, below, r.root)]
	if m.from == nil && path.Join("/", m.Source) != "/" {
		var err error
		if dir, err = r.pin(dir, m.Source); err != nil {
			return err
		}
	}
	r.add(sandbox.Mount{Type: "bind", Source: dir, Target: m.target, ReadOnly: m.ReadOnly})
	return nil
}

// pin is within for a cache folder, which other RUNs may have at the same time: between the look for a path and its
// mount they could put a link to the host's files in its place (CVE-2024-23651). So what was found is bound, by its
// handle, to a place that nobody else knows.
func (r *ready) pin(dir, source string) (_ string, err error) {
	if mustCopy(r.b.opts.Isolation) { // nothing can be bound, and nobody else has the folder
		return within(dir, source)
	}
	handle, err := pathrs.OpenInRoot(dir, source)
	if err != nil {
		return "", noSource(source, err)
	}
	defer handle.Close()
	fi, err := handle.Stat()
	if err != nil {
		return "", noSource(source, err)
	}
	temp, err := r.b.layers.Temp()
	if err != nil {
		return "", err
	}
	r.later(func() error { return os.RemoveAll(temp) })
	place := filepath.Join(temp, "source")
	if fi.IsDir() {
		err = os.Mkdir(place, 0o700)
	} else {
		err = os.WriteFile(place, nil, 0o600)
	}
	if err != nil {
		return "", err
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", handle.Fd()), place, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return "", fmt.Errorf("source=%s: bind it: %w", source, err)
	}
	r.later(func() error { return unix.Unmount(place, unix.MNT_DETACH) })
	return place, nil
}
