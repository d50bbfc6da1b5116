package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func start(ctx context.Context, b *bench) error {
	of := func(t builder) turn {
		return func(ctx context.Context) (map[string]float64, error) {
			ms, err := b.several(11, func() *exec.Cmd { return t.version(ctx) })
			return map[string]float64{"start": ms}, err
		}
	}
	return b.pairs(ctx, of(b.ours), b.each(of))
}

// stepsFile is a Dockerfile of n steps on the small base.
func (b *bench) stepsFile(n int) (string, error) {
	return b.dockerfile("steps-"+strconv.Itoa(n), "FROM @busybox:1\n"+strings.Repeat("RUN true\n", n))
}

// steps times builds of one step and of 50; the difference, by the number, is what a step costs.
func steps(ctx context.Context, b *bench) error {
	if err := b.warmAll(ctx, "@busybox:1"); err != nil {
		return err
	}
	one, err := b.stepsFile(1)
	if err != nil {
		return err
	}
	many, err := b.stepsFile(stepCount)
	if err != nil {
		return err
	}
	of := func(t builder) turn {
		return func(ctx context.Context) (map[string]float64, error) {
			j := job{tag: "made/steps", file: one, context: b.contextDir("empty"), noCache: true}
			first, err := b.ms(t.build(ctx, j))
			if err != nil {
				return nil, err
			}
			j.file = many
			all, err := b.ms(t.build(ctx, j))
			return map[string]float64{"steps": all, "step": (all - first) / (stepCount - 1)}, err
		}
	}
	rootfs, err := b.rootfs(ctx, "busybox:1")
	if err != nil {
		return err
	}
	floors := []opponent{
		b.steps("clone+chroot+sh", "for i in $(seq 50); do unshare -Urmpfiu --mount-proc=\"$1/proc\" chroot \"$1\" /bin/sh -c true || exit; done", rootfs),
		b.steps("in one namespace", "exec unshare -Urm sh -c 'for i in $(seq 50); do unshare -mpf --mount-proc=\"$1/proc\" chroot \"$1\" /bin/sh -c true || exit; done' x \"$1\"", rootfs),
	}
	return b.pairs(ctx, of(b.ours), append(floors, b.each(of)...))
}

// steps is a floor: a shell's loop over 50 chroots.
func (b *bench) steps(name, script, rootfs string) opponent {
	return opponent{name, func(ctx context.Context) (map[string]float64, error) {
		ms, err := b.ms(b.who.command(ctx, "sh", "-c", script, "x", rootfs))
		return map[string]float64{"steps": ms, "step": ms / stepCount}, err
	}}
}

// rootfs unpacks an image's layers into a folder of the user's.
func (b *bench) rootfs(ctx context.Context, image string) (string, error) {
	dir := filepath.Join(b.who.home, "rootfs-"+strings.ReplaceAll(image, ":", "-"))
	if err := b.who.wipe(dir); err != nil {
		return "", err
	}
	if err := b.folder(dir); err != nil {
		return "", err
	}
	layers, err := b.registry.layers(image)
	if err != nil {
		return "", err
	}
	for _, l := range layers {
		if err := b.do(b.who.command(ctx, "sh", "-c", `gzip -dc "$1" | tar -C "$2" -x --exclude='dev/*' --no-same-owner`, "x", l, dir)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func cached(ctx context.Context, b *bench) error {
	if err := b.warmAll(ctx, "@busybox:1"); err != nil {
		return err
	}
	file, err := b.stepsFile(stepCount)
	if err != nil {
		return err
	}
	j := job{tag: "made/steps", file: file, context: b.contextDir("empty")}
	of := func(t builder) turn {
		built := false
		return func(ctx context.Context) (map[string]float64, error) {
			if !built {
				if err := b.do(t.build(ctx, j)); err != nil {
					return nil, err
				}
				built = true
			}
			ms, err := b.several(5, func() *exec.Cmd { return t.build(ctx, j) })
			return map[string]float64{"cached": ms}, err
		}
	}
	return b.pairs(ctx, of(b.ours), b.each(of))
}

// several is the median of so many short runs, one after the other.
func (b *bench) several(n int, command func() *exec.Cmd) (float64, error) {
	b.settle()
	var all []float64
	for range n {
		ms, err := b.again(command())
		if err != nil {
			return 0, err
		}
		all = append(all, ms)
	}
	return median(all), nil
}

// sh is a floor's command: a shell script as the ordinary user.
func (b *bench) sh(script string, args ...string) func(context.Context) (*exec.Cmd, error) {
	return func(ctx context.Context) (*exec.Cmd, error) {
		return b.who.command(ctx, "bash", append([]string{"-euo", "pipefail", "-c", script, "x"}, args...)...), nil
	}
}
