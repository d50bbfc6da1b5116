package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bases pushes the images that scenarios begin with. They are made by shbuild, from Debian's packages.
func (b *bench) bases(ctx context.Context) error {
	for _, base := range []struct {
		name    string
		context func(context.Context, string) error // fills the build context
		text    string
	}{
		{"busybox:1", busybox, "FROM scratch\nCOPY . /\nENV PATH=/bin\nCMD [\"sh\"]\n"},
		{"debian:12", debian, "FROM scratch\nADD debian.tar /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"},
		{"six:1", nil, sixLayers()},
		{"gig:1", b.gig, "FROM scratch\nCOPY file /\n"},
	} {
		if b.registry.has(base.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "bench: making", base.name)
		dir := b.contextDir("empty")
		if base.context != nil {
			dir = b.contextDir(strings.ReplaceAll(base.name, ":", "-"))
			if err := b.folder(dir); err != nil {
				return err
			}
			if err := base.context(ctx, dir); err != nil {
				return fmt.Errorf("%s: %w", base.name, err)
			}
		}
		file, err := b.dockerfile("base", base.text)
		if err != nil {
			return err
		}
		output := "type=registry,compression=gzip,name=" + b.registry.image(base.name)
		s := &shbuild{b}
		if err := b.do(s.command(ctx, "build", "-o", output, "-f", file, dir)); err != nil {
			return err
		}
		if err := s.reset(ctx); err != nil {
			return err
		}
		if base.context != nil {
			if err := b.who.wipe(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// busybox is a base whose shell starts at once, so that what a step costs is the builder's share.
func busybox(_ context.Context, dir string) error {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("%w: `scripts/setup bench` installs it", err)
	}
	if _, err := copyProgram(program, filepath.Join(dir, "busybox")); err != nil {
		return err
	}
	for _, sub := range []string{"bin", "etc", "tmp", "root", "proc", "sys", "dev", "usr/bin", "var"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	if err := os.Rename(filepath.Join(dir, "busybox"), filepath.Join(dir, "bin/busybox")); err != nil {
		return err
	}
	list, err := exec.Command(filepath.Join(dir, "bin/busybox"), "--list").Output()
	if err != nil {
		return err
	}
	for _, applet := range strings.Fields(string(list)) {
		if applet != "busybox" {
			if err := os.Symlink("busybox", filepath.Join(dir, "bin", applet)); err != nil {
				return err
			}
		}
	}
	for name, text := range map[string]string{"passwd": "root:x:0:0:root:/root:/bin/sh\n", "group": "root:x:0:\n"} {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func debian(ctx context.Context, dir string) error {
	cmd := plain(ctx, "mmdebstrap", "--format=tar", "--variant=minbase", "--include=ca-certificates", "bookworm", filepath.Join(dir, "debian.tar"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, tail(out, 2000))
	}
	return os.Chmod(filepath.Join(dir, "debian.tar"), 0o644)
}

// sixLayers are about 600 MB of programs in six layers, as people's bases have them.
func sixLayers() string {
	text := "FROM @debian:12\n"
	for _, packages := range []string{"build-essential", "python3 python3-pip python3-venv", "git curl", "cmake vim", "perl-doc gdb"} {
		text += "RUN apt-get update && apt-get install -y --no-install-recommends " + packages + " && rm -rf /var/lib/apt/lists/* /var/cache/apt/*\n"
	}
	return text
}

func (b *bench) gig(_ context.Context, dir string) error {
	return b.fresh(filepath.Join(dir, "file"), 1_000_000_000)
}
