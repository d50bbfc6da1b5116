package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// buildkit is a buildkitd of the bench's own, as root or, under rootlesskit, as the ordinary user.
type buildkit struct {
	b        *bench
	rootless bool
	dir      string
	daemon   *exec.Cmd
}

func newBuildkit(b *bench) builder {
	if os.Getuid() != 0 || !found("buildkitd", "buildctl", "runc") {
		return nil
	}
	return &buildkit{b: b, dir: b.path("buildkit")}
}

func newRootlessBuildkit(b *bench) builder {
	if !found("buildkitd", "buildctl", "runc", "rootlesskit", "newuidmap") {
		return nil
	}
	return &buildkit{b: b, rootless: true, dir: filepath.Join(b.who.home, "buildkit")}
}

// found tells whether all of these are on PATH.
func found(programs ...string) bool {
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return false
		}
	}
	return true
}

func (k *buildkit) name() string {
	if k.rootless {
		return "buildkit-rootless"
	}
	return "buildkit"
}

func (k *buildkit) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	if k.rootless {
		return k.b.who.command(ctx, program, args...)
	}
	return plain(ctx, program, args...)
}

func (k *buildkit) address() string { return "unix://" + filepath.Join(k.dir, "sock") }

func (k *buildkit) version(ctx context.Context) *exec.Cmd {
	return k.command(ctx, "buildctl", "--version")
}

func (k *buildkit) start() error {
	if err := os.MkdirAll(k.dir, 0o755); err != nil {
		return err
	}
	if k.rootless {
		if err := os.Chown(k.dir, k.b.who.uid, k.b.who.gid); err != nil {
			return err
		}
	}
	config := filepath.Join(k.dir, "config.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "[registry.%q]\n  http = true\n", k.b.registry.address), 0o644); err != nil {
		return err
	}
	log, err := os.Create(k.b.path("log", k.name()))
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{
		"--config", config, "--root", filepath.Join(k.dir, "root"), "--addr", k.address(), "--otel-socket-path", filepath.Join(k.dir, "otel"),
		"--containerd-worker=false", "--oci-worker-snapshotter=overlayfs",
	}
	program := "buildkitd"
	if k.rootless {
		args = append([]string{"--net=host", "--copy-up=/etc", "--copy-up=/run", "--state-dir", filepath.Join(k.dir, "rk"), "buildkitd", "--rootless"}, args...)
		program = "rootlesskit"
	}
	k.daemon = k.command(context.Background(), program, args...)
	k.daemon.Stdout, k.daemon.Stderr = log, log
	if err := k.daemon.Start(); err != nil {
		return err
	}
	err = until(20*time.Second, func() bool {
		return k.command(context.Background(), "buildctl", "--addr", k.address(), "debug", "workers").Run() == nil
	})
	if err != nil {
		return fmt.Errorf("%w: see %s", err, log.Name())
	}
	return nil
}

func (k *buildkit) stop() error {
	if err := k.daemon.Process.Signal(unix.SIGTERM); err != nil {
		return err
	}
	k.daemon.Wait() //nolint:errcheck // ended by the signal
	return nil
}

// reset is a new daemon: pruning leaves what a running one remembers.
func (k *buildkit) reset(context.Context) error {
	if err := k.stop(); err != nil {
		return err
	}
	if err := k.b.who.wipe(filepath.Join(k.dir, "root"), filepath.Join(k.dir, "rk")); err != nil {
		return err
	}
	return k.start()
}

func (k *buildkit) solve(ctx context.Context, j job, output string) *exec.Cmd {
	args := []string{
		"--addr", k.address(), "build", "--progress", "plain", "--frontend", "dockerfile.v0", "--local", "context=" + j.context,
		"--local", "dockerfile=" + filepath.Dir(j.file), "--opt", "filename=" + filepath.Base(j.file), "--output", output,
	}
	if j.noCache {
		args = append(args, "--no-cache")
	}
	for _, a := range j.args {
		args = append(args, "--opt", "build-arg:"+a)
	}
	return k.command(ctx, "buildctl", args...)
}

// build leaves the layers uncompressed: compressing them is work that a push does.
func (k *buildkit) build(ctx context.Context, j job) *exec.Cmd {
	return k.solve(ctx, j, "type=image,compression=uncompressed,name="+k.b.registry.image(j.tag))
}

func (k *buildkit) push(ctx context.Context, j job, compression string) *exec.Cmd {
	j.noCache = false
	return k.solve(ctx, j, fmt.Sprintf("type=image,push=true,registry.insecure=true,force-compression=true,compression=%s,name=%s", compression, k.b.registry.image(j.tag)))
}

func (k *buildkit) daemons() []int { return withChildren(k.daemon.Process.Pid, "buildkitd") }
