package cache_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shbuild/shbuild/runtime/cache"
)

func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var inside, rounds atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			c, err := cache.Open(dir) // as another process has it
			if err != nil {
				t.Error(err)
				return
			}
			for range 20 {
				unlock, err := c.Lock(t.Context(), "key")
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				rounds.Add(1)
				inside.Add(-1)
				unlock()
			}
		})
	}
	all.Wait()
	if n := rounds.Load(); n != 160 {
		t.Errorf("%d rounds", n)
	}
}

func TestLockWaits(t *testing.T) {
	t.Parallel()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := c.Lock(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if other, err := c.Lock(t.Context(), "other"); err != nil {
		t.Error(err)
	} else {
		other()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.Lock(ctx, "key"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
