package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// docker is a dockerd of the bench's own, as root, with BuildKit inside.
type docker struct {
	b      *bench
	client string
	daemon *exec.Cmd
}

func newDocker(b *bench) builder {
	if _, err := exec.LookPath("dockerd"); err != nil || os.Getuid() != 0 {
		return nil
	}
	if client := dockerClient(); client != "" {
		return &docker{b: b, client: client}
	}
	return nil
}

// dockerClient is the first on PATH that can ask for BuildKit: those of 23 and newer need their plugin buildx for it.
func dockerClient() string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		client := filepath.Join(dir, "docker")
		out, err := exec.Command(client, "--version").Output()
		if err != nil {
			continue
		}
		var major int
		fmt.Sscanf(string(out), "Docker version %d.", &major)
		if major < 23 || exec.Command(client, "buildx", "version").Run() == nil {
			return client
		}
	}
	return ""
}

func (d *docker) name() string { return "docker" }

func (d *docker) host() string { return "unix://" + d.b.path("dockerd", "sock") }

func (d *docker) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := plain(ctx, d.client, append([]string{"-H", d.host()}, args...)...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1")
	return cmd
}

func (d *docker) version(ctx context.Context) *exec.Cmd { return plain(ctx, d.client, "--version") }

// start makes no bridge and no rules: nothing of the machine's own network is touched.
func (d *docker) start() error {
	dir := d.b.path("dockerd")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	log, err := os.Create(d.b.path("log", "dockerd"))
	if err != nil {
		return err
	}
	defer log.Close()
	d.daemon = plain(context.Background(), "dockerd", "--storage-driver=overlay2", "--iptables=false", "--ip6tables=false", "--bridge=none",
		"-H", d.host(), "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "-p", filepath.Join(dir, "pid"))
	d.daemon.Stdout, d.daemon.Stderr = log, log
	os.Remove(filepath.Join(dir, "pid"))
	if err := d.daemon.Start(); err != nil {
		return err
	}
	return until(30*time.Second, func() bool { return d.command(context.Background(), "info").Run() == nil })
}

func (d *docker) stop() error {
	if err := d.daemon.Process.Signal(unix.SIGTERM); err != nil {
		return err
	}
	d.daemon.Wait() //nolint:errcheck // ended by the signal
	return nil
}

func (d *docker) reset(ctx context.Context) error {
	if err := d.b.do(d.command(ctx, "builder", "prune", "-af")); err != nil {
		return err
	}
	return d.b.do(d.command(ctx, "image", "prune", "-af"))
}

func (d *docker) build(ctx context.Context, j job) *exec.Cmd {
	args := append([]string{"build"}, j.options()...)
	return d.command(ctx, append(args, "--network", "host", "--progress", "plain", "-t", d.b.registry.image(j.tag), "-f", j.file, j.context)...)
}

func (d *docker) push(ctx context.Context, j job, compression string) *exec.Cmd {
	if compression != "gzip" {
		return nil
	}
	return d.command(ctx, "push", d.b.registry.image(j.tag))
}

func (d *docker) daemons() []int { return withChildren(d.daemon.Process.Pid, "dockerd", "containerd") }

// withChildren is a process and those below it that have one of these names.
func withChildren(pid int, names ...string) []int {
	var found []int
	for _, p := range tree(pid) {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p))
		for _, name := range names {
			if err == nil && strings.TrimSpace(string(comm)) == name {
				found = append(found, p)
			}
		}
	}
	return found
}
