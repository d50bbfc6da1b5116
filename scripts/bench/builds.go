package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// stagesFile is four stages that wait, and one that needs them all.
func stagesFile() (dockerfile, script string) {
	const wait = "sleep 2; echo %d > /out%[1]d\n"
	dockerfile, script = "", "#!/usr/bin/env shbuild\n"
	last := "FROM @busybox:1\n"
	for i := 1; i <= 4; i++ {
		dockerfile += fmt.Sprintf("FROM @busybox:1 AS s%d\nRUN "+wait, i, i)
		script += fmt.Sprintf("(\nFROM @busybox:1 AS s%d\nRUN "+wait+") &\n", i, i)
		last += fmt.Sprintf("COPY --from=s%d /out%[1]d /out%[1]d\n", i)
	}
	return dockerfile + last, script + "wait\n" + last
}

func stages(ctx context.Context, b *bench) error {
	if err := b.warmAll(ctx, "@busybox:1"); err != nil {
		return err
	}
	dockerfile, script := stagesFile()
	file, err := b.dockerfile("stages", dockerfile)
	if err != nil {
		return err
	}
	other, err := b.dockerfile("stages.sh", script)
	if err != nil {
		return err
	}
	of := func(t builder) turn {
		return func(ctx context.Context) (map[string]float64, error) {
			j := job{tag: "made/stages", file: file, context: b.contextDir("empty"), noCache: true}
			ms, err := b.ms(t.build(ctx, j))
			if err != nil || t != b.ours {
				return map[string]float64{"stages": ms}, err
			}
			j.file = other
			scripted, err := b.ms(t.build(ctx, j))
			return map[string]float64{"stages": ms, "stages-script": scripted}, err
		}
	}
	floor := opponent{"sleep 2", func(ctx context.Context) (map[string]float64, error) {
		ms, err := b.ms(plain(ctx, "sleep", "2"))
		return map[string]float64{"stages": ms, "stages-script": ms}, err
	}}
	return b.pairs(ctx, of(b.ours), append([]opponent{floor}, b.each(of)...))
}

const aptCommand = "apt-get update && apt-get install -y --no-install-recommends git"

func apt(ctx context.Context, b *bench) error {
	if err := b.warmAll(ctx, "@debian:12"); err != nil {
		return err
	}
	file, err := b.dockerfile("apt", "FROM @debian:12\nRUN "+aptCommand+"\n")
	if err != nil {
		return err
	}
	of := func(t builder) turn {
		return func(ctx context.Context) (map[string]float64, error) {
			ms, err := b.ms(t.build(ctx, job{tag: "made/apt", file: file, context: b.contextDir("empty"), noCache: true}))
			return map[string]float64{"apt": ms}, err
		}
	}
	var floors []opponent
	if os.Getuid() == 0 {
		floors = append(floors, b.floor("bare chroot", "apt", b.chroot))
	}
	return b.pairs(ctx, of(b.ours), append(floors, b.each(of)...))
}

// chroot unpacks the Debian base, as root, and gives the command that installs there.
func (b *bench) chroot(ctx context.Context) (*exec.Cmd, error) {
	dir := b.path("chroot")
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	layers, err := b.registry.layers("debian:12")
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		if err := b.do(plain(ctx, "sh", "-c", `gzip -dc "$1" | tar -C "$2" -x`, "x", l, dir)); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"resolv.conf", "hosts"} {
		data, err := os.ReadFile(filepath.Join("/etc", name))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, "etc", name), data, 0o644); err != nil {
			return nil, err
		}
	}
	script := `mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$1" sh -c "$2"`
	return plain(ctx, "unshare", "--mount", "--propagation", "private", "sh", "-c", script, "x", dir, aptCommand), nil
}
