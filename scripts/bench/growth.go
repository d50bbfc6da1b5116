package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// growth times shbuild alone, with ever more of one thing.
func growth(ctx context.Context, b *bench) error {
	for _, grow := range []func(context.Context) error{b.moreSteps, b.moreStages, b.moreFiles, b.moreLayers, b.moreImages, b.moreEntries} {
		start := time.Now()
		if err := grow(ctx); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "bench: growth: %.0f s\n", time.Since(start).Seconds())
	}
	return b.ours.reset(ctx)
}

// coldAndCached builds jobs without a cache, then with everything cached.
func (b *bench) coldAndCached(ctx context.Context, of string, counts []int, make func(int) (job, error)) error {
	cold, cached := series{Name: of + ", nothing cached", Of: of}, series{Name: of + ", all cached", Of: of}
	for _, n := range counts {
		j, err := make(n)
		if err != nil {
			return err
		}
		j.noCache = true
		ms, err := b.ms(b.ours.build(ctx, j))
		if err != nil {
			return err
		}
		cold.add(n, ms)
		j.noCache = false
		if err := b.do(b.ours.build(ctx, j)); err != nil { // a build without the cache is not what one with it asks for
			return err
		}
		if ms, err = b.several(3, func() *exec.Cmd { return b.ours.build(ctx, j) }); err != nil {
			return err
		}
		cached.add(n, ms)
	}
	b.results.grows(b.now, cold)
	b.results.grows(b.now, cached)
	return nil
}

func (s *series) add(n int, ms float64) {
	s.X, s.Y = append(s.X, float64(n)), append(s.Y, round(ms))
}

func (b *bench) moreSteps(ctx context.Context) error {
	if err := b.warm(ctx, b.ours, "@busybox:1"); err != nil {
		return err
	}
	return b.coldAndCached(ctx, "steps", []int{1, 10, 25, 50, 100, 120}, func(n int) (job, error) {
		file, err := b.stepsFile(n)
		return job{tag: "made/steps", file: file, context: b.contextDir("empty")}, err
	})
}

// moreStages has a last stage that needs all others. An image has 127 layers at most in most engines.
func (b *bench) moreStages(ctx context.Context) error {
	return b.coldAndCached(ctx, "stages", []int{1, 4, 16, 64, 120}, func(n int) (job, error) {
		var text, last strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "FROM @busybox:1 AS s%d\nRUN echo %[1]d > /out%[1]d\n", i)
			fmt.Fprintf(&last, "COPY --from=s%d /out%[1]d /outs/\n", i)
		}
		file, err := b.dockerfile("stages-"+strconv.Itoa(n), text.String()+"FROM @busybox:1\n"+last.String())
		return job{tag: "made/stages", file: file, context: b.contextDir("empty")}, err
	})
}

func (b *bench) moreFiles(ctx context.Context) error {
	if err := b.warm(ctx, b.ours, "@busybox:1"); err != nil {
		return err
	}
	return b.coldAndCached(ctx, "files", []int{10, 1000, 5000, 20_000, 50_000}, func(n int) (job, error) {
		name := fmt.Sprintf("files-%d", n)
		if err := b.tree(name, n, 500*n); err != nil {
			return job{}, err
		}
		file, err := b.dockerfile("copy", "FROM @busybox:1\nCOPY . /data/\n")
		return job{tag: "made/copy", file: file, context: b.contextDir(name)}, err
	})
}

// moreLayers builds one step on a base of so many layers, which is in the store.
func (b *bench) moreLayers(ctx context.Context) error {
	return b.coldAndCached(ctx, "layers of the base", []int{1, 10, 50, 100, 120}, func(n int) (job, error) {
		base := fmt.Sprintf("layers:%d", n)
		if !b.registry.has(base) {
			text := "FROM @busybox:1\n"
			for i := range n - 1 {
				text += fmt.Sprintf("RUN echo %d > /layer%[1]d\n", i)
			}
			file, err := b.dockerfile("layers", text)
			if err != nil {
				return job{}, err
			}
			cmd := (&shbuild{b}).command(ctx, "build", "-o", "type=registry,name="+b.registry.image(base), "-f", file, b.contextDir("empty"))
			if err := b.do(cmd); err != nil {
				return job{}, err
			}
		}
		if err := b.warm(ctx, b.ours, "@"+base); err != nil {
			return job{}, err
		}
		file, err := b.dockerfile("on-layers", "FROM @"+base+"\nRUN true\n")
		return job{tag: "made/on-layers", file: file, context: b.contextDir("empty")}, err
	})
}

// moreEntries fills the cache with records of steps that the build does not touch.
func (b *bench) moreEntries(ctx context.Context) error {
	if err := b.warm(ctx, b.ours, "@busybox:1"); err != nil {
		return err
	}
	file, err := b.stepsFile(stepCount)
	if err != nil {
		return err
	}
	j := job{tag: "made/steps", file: file, context: b.contextDir("empty")}
	if err := b.do(b.ours.build(ctx, j)); err != nil {
		return err
	}
	have := 0
	return b.coldAndCached(ctx, "cache entries", []int{0, 1000, 10_000, 100_000, 1_000_000}, func(n int) (job, error) {
		err := b.fillCache(have, n)
		have = n
		return j, err
	})
}

// fillCache copies a record of the cache under other keys.
func (b *bench) fillCache(from, to int) error {
	dir := filepath.Join((&shbuild{b}).root(), "cache", "steps")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return fmt.Errorf("no records in the cache to copy: %w", err)
	}
	record, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		if err := os.WriteFile(filepath.Join(dir, fakeDigest("step", i)), record, 0o644); err != nil {
			return err
		}
	}
	return nil
}
