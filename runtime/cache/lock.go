package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// retry is how often a build looks again whether another one has finished a step that both need.
const retry = 10 * time.Millisecond

// Lock waits until no other process works on what key names, and keeps others waiting until the returned
// function is called or the process ends, however it ends. Keys are file names. One who holds a lock must not
// wait for another one.
func (c *Cache) Lock(ctx context.Context, key string) (unlock func(), err error) {
	name := filepath.Join(c.dir, locks, key)
	for {
		f, err := tryLock(name)
		if err != nil {
			return nil, fmt.Errorf("wait for another build of the same step: %w", err)
		}
		if f != nil {
			return func() {
				// Removed first: whoever has opened it meanwhile sees that it is not the one in place.
				_ = os.Remove(name)
				f.Close()
			}, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(retry):
		}
	}
}

// tryLock returns nil if somebody else has the lock, or has just given it up.
func tryLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return nil, f.Close()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	mine, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	inPlace, err := os.Stat(name)
	if err == nil && os.SameFile(mine, inPlace) {
		return f, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, f.Close())
	}
	return nil, f.Close()
}
