package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// copyTree copies the large context in: with nothing cached, again, and after one file changed.
func copyTree(ctx context.Context, b *bench) error {
	dir := b.contextDir("tree")
	file, err := b.dockerfile("copy", "FROM @busybox:1\nCOPY . /data/\n")
	if err != nil {
		return err
	}
	j := job{tag: "made/copy", file: file, context: dir}
	of := func(t builder) turn {
		return func(ctx context.Context) (map[string]float64, error) {
			if err := b.warm(ctx, t, "@busybox:1"); err != nil {
				return nil, err
			}
			cold, err := b.ms(t.build(ctx, j))
			if err != nil {
				return nil, err
			}
			again, err := b.ms(t.build(ctx, j))
			if err != nil {
				return nil, err
			}
			if err := b.file(filepath.Join(dir, "d0050", "f01"), fmt.Appendf(nil, "changed %d\n", rand.Int64())); err != nil {
				return nil, err
			}
			changed, err := b.ms(t.build(ctx, j))
			return map[string]float64{"copy": cold, "copy-cached": again, "copy-changed": changed}, err
		}
	}
	to := filepath.Join(b.who.home, "copied")
	floor := opponent{"cp -a", func(ctx context.Context) (map[string]float64, error) {
		if err := b.who.wipe(to); err != nil {
			return nil, err
		}
		ms, err := b.ms(b.who.command(ctx, "cp", "-a", dir, to))
		if err != nil {
			return nil, err
		}
		walk, err := b.ms(b.who.command(ctx, "find", dir, "-newermt", "tomorrow"))
		return map[string]float64{"copy": ms, "copy-changed": ms, "copy-cached": walk}, err
	}}
	defer os.RemoveAll(to)
	return b.pairs(ctx, of(b.ours), append([]opponent{floor}, b.each(of)...))
}
