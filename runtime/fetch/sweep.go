package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// unused is for how long what nothing has asked for is kept.
const unused = 60 * 24 * time.Hour

// use has to come before anything in the folder is looked at: it keeps other builds from removing it until Close.
func (f *Fetcher) use() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used != nil {
		return nil
	}
	err := os.MkdirAll(f.opts.Dir, 0o755)
	lock := flock.New(filepath.Join(f.opts.Dir, "in-use"))
	if err == nil {
		err = lock.RLock()
	}
	if err != nil {
		return fmt.Errorf("keep what was fetched: %w", err)
	}
	f.used = lock
	return nil
}

// Close ends the use of what was fetched. If no other build fetches at the moment, what was not asked for in a long
// time is removed, and what builds that were killed have left.
func (f *Fetcher) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	lock := f.used
	if lock == nil {
		return nil // nothing has come, so there is nothing more than before
	}
	f.used = nil
	err := lock.Unlock()
	if err == nil {
		var alone bool
		if alone, err = lock.TryLock(); alone {
			err = errors.Join(f.sweepFiles(), f.sweepGit())
		}
	}
	if err = errors.Join(err, lock.Close()); err != nil {
		return fmt.Errorf("remove what was fetched: %w", err)
	}
	return nil
}

// touch notes that something is used now. It is no fault if that fails: it would only come again some day.
func touch(path string) {
	now := time.Now()
	_ = os.Chtimes(path, now, now)
}

func old(info fs.FileInfo) bool { return time.Since(info.ModTime()) > unused }

// sweepFiles removes the old records of URLs, and the files that no record names.
func (f *Fetcher) sweepFiles() error {
	dir := filepath.Join(f.opts.Dir, "files")
	entries, err := ignoreMissing(os.ReadDir(dir))
	var errs []error
	named := map[string]bool{}
	for _, e := range entries {
		info, ierr := e.Info()
		if ierr != nil || !strings.HasPrefix(e.Name(), recordPrefix) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		var rec record
		raw, rerr := os.ReadFile(path)
		if old(info) || rerr != nil || json.Unmarshal(raw, &rec) != nil || rec.Digest.Validate() != nil {
			errs = append(errs, os.Remove(path))
			continue
		}
		named[filepath.Base(f.path(rec.Digest))] = true
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), recordPrefix) && !named[e.Name()] {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(append(errs, err)...)
}

// sweepGit removes old clones, and what a git that was killed has left in others.
func (f *Fetcher) sweepGit() error {
	dir := filepath.Join(f.opts.Dir, "git")
	entries, err := ignoreMissing(os.ReadDir(dir))
	var errs []error
	for _, e := range entries {
		clone, ok := strings.CutSuffix(filepath.Join(dir, e.Name()), cloneLock)
		info, ierr := e.Info()
		if !ok || ierr != nil {
			continue
		}
		if old(info) {
			// The lock goes last: a clone without one would never be looked at again.
			errs = append(errs, errors.Join(os.RemoveAll(clone), os.Remove(clone+cloneLock)))
			continue
		}
		for _, pattern := range []string{"objects/tmp_*", "objects/pack/tmp_*", "objects/??/tmp_*"} {
			left, _ := filepath.Glob(filepath.Join(clone, pattern))
			for _, path := range left {
				errs = append(errs, os.RemoveAll(path))
			}
		}
	}
	return errors.Join(append(errs, err)...)
}

func ignoreMissing[T any](v T, err error) (T, error) {
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return v, err
}
