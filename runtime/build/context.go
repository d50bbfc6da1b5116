package build

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/fetch"
)

// IsRemote tells whether a build context's address is that of a URL or a repository, and not a folder's path.
func IsRemote(address string) bool {
	repo, err := fetch.ParseRepository(address, true)
	return repo != nil || err != nil || fetch.IsURL(address)
}

// OpenContext brings the build context where it is not a folder yet: it is unpacked, fetched or checked out into a
// folder of the build's own. It returns the folder and, for a context that is nothing but a Dockerfile, the name of
// that in it. It must be called before Build.
func (b *Builder) OpenContext(ctx context.Context) (dir, file string, err error) {
	if b.opts.Remote == "" && b.opts.Stdin == nil {
		if b.opts.BuildArgs[sourceDateEpoch] == contextEpoch {
			b.setEpoch(time.Time{}) // a folder has no time of its own
		}
		return b.opts.Context, "", nil
	}
	b.fromAfar = true
	if b.opts.Context, err = b.fetchFolder(); err != nil {
		return "", "", err
	}
	title := "load the build context from standard input"
	if b.opts.Remote != "" {
		title = "load the build context " + fetch.Redacted(b.opts.Remote)
	}
	step := b.progress.Begin(title)
	if file, err = b.bringContext(ctx); err != nil {
		step.End(Failed)
		return "", "", err
	}
	step.End(Done)
	return b.opts.Context, file, nil
}

// contextOptions are how a build context is opened, the build's own or a named one. Who only looks is refused files that
// the build may read, and is not to take long over what has changed: that is most often a miss.
func (b *Builder) contextOptions() buildctx.Options {
	o := buildctx.Options{Hashes: b.hashes, Own: b.own()}
	if b.opts.Cached {
		o.Strict, o.MostRead = true, mostLooked
	}
	return o
}

// mostLooked is how much of changed files is read to look whether the cache has them all the same, in bytes: a tenth of a
// second's worth.
const mostLooked = 32 << 20

// SameContext are the options of another build with the context that this one has opened. It is there until Close.
func (b *Builder) SameContext(o Options) Options {
	o.Context, o.Remote, o.Stdin, o.fetched = b.opts.Context, "", nil, b.fromAfar
	o.BuildArgs = b.opts.BuildArgs // SOURCE_DATE_EPOCH may be the context's
	return o
}

func (b *Builder) bringContext(ctx context.Context) (file string, err error) {
	if b.opts.Remote == "" {
		return b.spreadOut(ctx, b.opts.Stdin, "Dockerfile", true)
	}
	repo, err := fetch.ParseRepository(b.opts.Remote, true)
	if err != nil {
		return "", fmt.Errorf("the build context %s: %w", fetch.Redacted(b.opts.Remote), err)
	}
	if repo != nil {
		return "", b.checkOutContext(ctx, repo)
	}
	f, err := b.fetcher.URL(ctx, b.opts.Remote, "")
	if err != nil {
		return "", err
	}
	if b.opts.BuildArgs[sourceDateEpoch] == contextEpoch && !f.Modified.IsZero() {
		b.setEpoch(f.Modified) // goes before the files of an archive
	}
	in, err := os.Open(f.Path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	file, err = b.spreadOut(ctx, in, "context", false)
	if err == nil && file != "" {
		modified := f.Modified
		if modified.IsZero() {
			modified = time.Unix(0, 0)
		}
		err = os.Chtimes(filepath.Join(b.opts.Context, file), modified, modified)
	}
	return file, err
}

// keepGitArg is the build-arg that keeps the .git folder of a build context.
const keepGitArg = "BUILDKIT_CONTEXT_KEEP_GIT_DIR"

func (b *Builder) checkOutContext(ctx context.Context, repo *fetch.Repository) error {
	if keep, err := strconv.ParseBool(b.opts.BuildArgs[keepGitArg]); err == nil && keep {
		repo.KeepGitDir = true
	}
	epoch := b.opts.BuildArgs[sourceDateEpoch]
	repo.CommitTimes = repo.CommitTimes || epoch != ""
	commit, err := b.fetcher.Resolve(ctx, repo)
	if err == nil {
		err = b.fetcher.Checkout(ctx, repo, commit, b.opts.Context)
	}
	if err != nil || epoch != contextEpoch {
		return err
	}
	info, err := os.Stat(b.opts.Context) // has the commit's time
	if err == nil {
		b.setEpoch(info.ModTime())
	}
	return err
}

// spreadOut makes the context of a stream: an archive's files, or else one file of the given name, which is the
// Dockerfile. Then the file is part of the context if that comes from a URL, and is not if it comes from standard
// input: so docker has it.
func (b *Builder) spreadOut(ctx context.Context, r io.Reader, name string, apart bool) (file string, err error) {
	stream := bufio.NewReaderSize(r, archiveHead)
	head, err := stream.Peek(archiveHead)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the build context: %w", err)
	}
	if !isArchive(head) {
		dir := b.opts.Context
		if apart {
			if dir, err = b.fetchFolder(); err != nil {
				return "", err
			}
			file = filepath.Join(dir, name)
		} else {
			file = name
		}
		return file, writeStream(filepath.Join(dir, name), stream)
	}
	dir, err := b.fetchFolder()
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := writeStream(filepath.Join(dir, "context"), stream); err != nil {
		return "", fmt.Errorf("read the build context: %w", err)
	}
	tree, err := buildctx.Root(dir)
	if err != nil {
		return "", err
	}
	defer tree.Close()
	matches, err := tree.Find([]string{"/context"}, buildctx.FindOptions{Literal: true})
	if err != nil {
		return "", err
	}
	err = buildctx.Copy(ctx, tree, matches, b.opts.Context, "/", buildctx.CopyOptions{Unpack: true})
	if err != nil {
		return "", fmt.Errorf("unpack the build context: %w", err)
	}
	if b.opts.BuildArgs[sourceDateEpoch] == contextEpoch {
		return "", b.epochOfFiles()
	}
	return "", nil
}

func writeStream(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// archiveHead is how much of a stream tells whether it is an archive: a tar's first header.
const archiveHead = 1024

// isArchive tells whether a stream that begins so is a tar, compressed or not.
func isArchive(head []byte) bool {
	for _, magic := range []string{"BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	if _, err := gzip.NewReader(bytes.NewReader(head)); err == nil {
		return true
	}
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil
}

// sourceDateEpoch is the build-arg whose time is the latest that an image tells, and contextEpoch a value of it: the
// time of the build context.
const (
	sourceDateEpoch = "SOURCE_DATE_EPOCH"
	contextEpoch    = "context"
)

// setEpoch lets a time that was found stand for SOURCE_DATE_EPOCH=context; the zero time: there is none.
func (b *Builder) setEpoch(t time.Time) {
	delete(b.opts.BuildArgs, sourceDateEpoch)
	if !t.IsZero() {
		t = t.UTC().Truncate(time.Second)
		b.epoch, b.opts.BuildArgs[sourceDateEpoch] = &t, strconv.FormatInt(t.Unix(), 10)
	}
}

// epochOfFiles takes the time of an archive's youngest file.
func (b *Builder) epochOfFiles() error {
	var youngest time.Time
	err := filepath.WalkDir(b.opts.Context, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.ModTime().After(youngest) {
			youngest = info.ModTime()
		}
		return err
	})
	b.setEpoch(youngest)
	return err
}
