package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// containers is podman or buildah, as the ordinary user. Both make layers in one store; each has one of its own here.
type containers struct {
	b       *bench
	program string
	dir     string
}

func newPodman(b *bench) builder  { return newContainers(b, "podman") }
func newBuildah(b *bench) builder { return newContainers(b, "buildah") }

func newContainers(b *bench, program string) builder {
	if !found(program, "newuidmap") {
		return nil
	}
	return &containers{b, program, filepath.Join(b.who.home, program)}
}

func (c *containers) name() string { return c.program }

func (c *containers) version(ctx context.Context) *exec.Cmd {
	return c.b.who.command(ctx, c.program, "--version")
}

// start writes the settings that a machine without systemd needs.
func (c *containers) start() error {
	config := filepath.Join(c.b.who.home, ".config")
	dir := filepath.Join(config, "containers")
	for _, d := range []string{config, dir} {
		if err := c.b.folder(d); err != nil {
			return err
		}
	}
	runtime := "crun"
	if !found("crun") {
		runtime = "runc"
	}
	for name, text := range map[string]string{
		"storage.conf":    "[storage]\ndriver = \"overlay\"\n",
		"containers.conf": "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"" + runtime + "\"\n",
		"policy.json":     `{"default":[{"type":"insecureAcceptAnything"}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the process that keeps podman's user namespace open.
func (c *containers) stop() error {
	if c.program == "podman" {
		c.command(context.Background(), "system", "migrate").Run() //nolint:errcheck // there may be none
	}
	return nil
}

func (c *containers) command(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{"--root", filepath.Join(c.dir, "root"), "--runroot", filepath.Join(c.b.who.run, c.program)}, args...)
	return c.b.who.command(ctx, c.program, args...)
}

func (c *containers) reset(context.Context) error {
	if err := c.stop(); err != nil {
		return err
	}
	return c.b.who.wipe(c.dir, filepath.Join(c.b.who.run, c.program))
}

// build caches steps, which buildah does only if it is told to.
func (c *containers) build(ctx context.Context, j job) *exec.Cmd {
	args := append([]string{"build"}, j.options()...)
	return c.command(ctx, append(args, "--layers", "--tls-verify=false", "--network", "host", "-t", c.b.registry.image(j.tag), "-f", j.file, j.context)...)
}

func (c *containers) push(ctx context.Context, j job, compression string) *exec.Cmd {
	return c.command(ctx, "push", "--tls-verify=false", "--compression-format", compression, c.b.registry.image(j.tag))
}

func (c *containers) daemons() []int { return nil }
