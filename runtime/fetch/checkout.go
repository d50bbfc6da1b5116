package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// Checkout puts a commit's tree into an empty folder.
func (f *Fetcher) Checkout(ctx context.Context, r *Repository, c *Commit, dir string) error {
	if err := f.checkout(ctx, r, c, dir); err != nil {
		return fmt.Errorf("fetch %s: %w", Redacted(r.Remote), err)
	}
	return nil
}

func (f *Fetcher) checkout(ctx context.Context, r *Repository, c *Commit, dir string) error {
	clone, done, err := f.clone(ctx, r, c)
	if err != nil {
		return err
	}
	defer done()
	into := dir
	if r.Subdir != "" {
		if into, err = os.MkdirTemp(filepath.Dir(dir), "checkout-"); err != nil {
			return err
		}
		defer os.RemoveAll(into)
	}
	keep := r.KeepGitDir && r.Subdir == ""
	if err := f.workTree(ctx, r, c, clone, into, keep); err != nil {
		return err
	}
	if r.Subdir != "" {
		if err := moveSubdir(into, r.Subdir, dir); err != nil {
			return err
		}
	}
	if r.CommitTimes {
		return commitTimes(ctx, &git{fetcher: f, dir: clone, gitDir: clone}, c, dir)
	}
	return nil
}

// clone brings the commit into the bare clone of the remote, which is locked until done.
func (f *Fetcher) clone(ctx context.Context, r *Repository, c *Commit) (dir string, done func(), err error) {
	top, err := f.folder("git")
	if err != nil {
		return "", nil, err
	}
	dir = filepath.Join(top, key(r.Remote)+".git")
	lock := flock.New(dir + cloneLock)
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return "", nil, fmt.Errorf("wait for another build that fetches it: %w", err)
	}
	touch(dir + cloneLock)
	done = func() { _ = lock.Close() }
	g := &git{fetcher: f, dir: top, gitDir: dir, auth: f.gitSecret(r.Remote)}
	if err = g.begin(ctx, dir, c); err == nil {
		err = g.bring(ctx, r, c)
	}
	if err != nil {
		done()
		return "", nil, err
	}
	return dir, done, nil
}

// cloneLock ends the name of a clone's lock, whose time is that of the clone's last use.
const cloneLock = ".lock"

const lockRetry = 50 * time.Millisecond

// begin makes the bare repository unless there is one. One that is broken, by a power cut, is made anew.
func (g *git) begin(ctx context.Context, dir string, c *Commit) error {
	if _, err := g.run(ctx, "rev-parse", "--git-dir"); err == nil {
		_ = os.Remove(filepath.Join(dir, "shallow.lock")) // of a git that was killed: the lock is ours
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	args := []string{"init", "--quiet", "--bare", "--template="}
	if len(c.Hash) == 64 {
		args = append(args, "--object-format=sha256")
	}
	_, err := g.run(ctx, args...)
	return err
}

func (g *git) has(ctx context.Context, hash string) bool {
	_, err := g.run(ctx, "cat-file", "-e", hash)
	return err == nil
}

// bring fetches the commit, and names it refs/shbuild/HASH in the clone.
func (g *git) bring(ctx context.Context, r *Repository, c *Commit) error {
	name := "refs/shbuild/" + c.Hash
	if g.has(ctx, c.Hash) && g.has(ctx, c.Hash+"^{tree}") {
		_, err := g.run(ctx, "update-ref", "--no-deref", name, c.Hash)
		return err
	}
	source := c.ref
	if source == "" {
		source = c.Hash
	}
	err := g.shallow(ctx, "fetch", "--quiet", "--no-tags", "--force", "--depth=1", "--", r.Remote, source+":"+name)
	if err == nil {
		if now, perr := g.run(ctx, "rev-parse", name); perr == nil && strings.TrimSpace(now) == c.Hash {
			return nil
		}
		// The ref has moved since it was resolved: the commit that was meant, then.
		err = g.shallow(ctx, "fetch", "--quiet", "--no-tags", "--force", "--depth=1", "--", r.Remote, c.Hash+":"+name)
	}
	var failed *gitError
	if errors.As(err, &failed) { // a server that gives no commits by hash gives branches and tags
		args := []string{"fetch", "--quiet", "--force", "--no-tags"}
		if out, serr := g.run(ctx, "rev-parse", "--is-shallow-repository"); serr == nil && strings.TrimSpace(out) == "true" {
			args = append(args, "--unshallow")
		}
		if _, aerr := g.run(ctx, append(args, "--", r.Remote, "refs/heads/*:refs/remote/heads/*", "refs/tags/*:refs/remote/tags/*")...); aerr != nil {
			return err
		}
	}
	if !g.has(ctx, c.Hash) {
		if err != nil {
			return err
		}
		return fmt.Errorf("the repository has no commit %s", c.Hash)
	}
	_, err = g.run(ctx, "update-ref", "--no-deref", name, c.Hash)
	return err
}

// workTree checks the commit out with a .git folder of its own, which is the image's where it is kept: nothing in it
// tells of the clone.
func (f *Fetcher) workTree(ctx context.Context, r *Repository, c *Commit, clone, dir string, keep bool) error {
	g := &git{fetcher: f, dir: dir, local: true}
	args := []string{"init", "--quiet", "--template="}
	if len(c.Hash) == 64 {
		args = append(args, "--object-format=sha256")
	}
	target := "refs/shbuild/" + c.Hash
	if c.ref != "" {
		target += ":" + c.ref
	}
	for _, args := range [][]string{
		args,
		{"fetch", "--quiet", "--update-head-ok", "--no-tags", "--depth=1", "--", "file://" + clone, target},
		{"checkout", "--quiet", "FETCH_HEAD"},
		{"remote", "add", "origin", r.Remote},
	} {
		if _, err := g.run(ctx, args...); err != nil {
			return err
		}
	}
	g.local, g.auth = false, f.gitSecret(r.Remote)
	if _, err := os.Lstat(filepath.Join(dir, ".gitmodules")); err == nil && !r.SkipSubmodules {
		if err := g.shallow(ctx, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"); err != nil {
			return fmt.Errorf("submodules: %w", err)
		}
	}
	if !keep {
		return os.RemoveAll(filepath.Join(dir, ".git"))
	}
	for _, args := range [][]string{
		{"remote", "set-url", "origin", Redacted(r.Remote)},
		{"reflog", "expire", "--all", "--expire=now"},
	} {
		if _, err := g.run(ctx, args...); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(dir, ".git", "FETCH_HEAD")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// moveSubdir moves what is in a folder of the tree to its place. Symlinks lead nowhere: the tree is a stranger's.
func moveSubdir(tree, sub, dir string) error {
	at := tree
	for part := range strings.SplitSeq(sub, "/") {
		at = filepath.Join(at, part)
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the repository has no folder %s", sub)
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder of the repository", sub)
		}
	}
	names, err := os.ReadDir(at)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := os.Rename(filepath.Join(at, n.Name()), filepath.Join(dir, n.Name())); err != nil {
			return err
		}
	}
	return nil
}

// commitTimes gives everything in a folder the commit's time.
func commitTimes(ctx context.Context, g *git, c *Commit, dir string) error {
	out, err := g.run(ctx, "log", "-1", "--format=%ct", c.Hash+"^{commit}")
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	if err != nil {
		return fmt.Errorf("the commit's time is %q", strings.TrimSpace(out))
	}
	times := []unix.Timespec{{Sec: seconds}, {Sec: seconds}}
	var paths []string
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	})
	for i := len(paths) - 1; err == nil && i >= 0; i-- {
		err = unix.UtimesNanoAt(unix.AT_FDCWD, paths[i], times, unix.AT_SYMLINK_NOFOLLOW)
	}
	return err
}
