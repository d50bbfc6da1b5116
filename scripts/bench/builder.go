package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// builder is a program that builds images. A RUN has the host's network with each of them, which is best for them all.
type builder interface {
	name() string
	version(context.Context) *exec.Cmd // prints one line; it is also what the start of the program is timed with
	start() error                      // its daemon, if it has one
	stop() error
	// reset throws away its images, layers and caches.
	reset(context.Context) error
	build(context.Context, job) *exec.Cmd
	// push sends what the job built to the registry, compressed as it is named: gzip or zstd. nil: it cannot.
	push(ctx context.Context, j job, compression string) *exec.Cmd
	daemons() []int // processes that work for it besides the command's own
}

// job is one build.
type job struct {
	tag         string // without the registry
	file        string // a Dockerfile, absolute
	context     string // a folder, absolute
	noCache     bool
	args        []string // build arguments, NAME=VALUE
	compression string   // that its layers are going to be pushed in; empty: the builder's own. Who compresses at the push may leave it
}

// options are those flags that all command lines have in common.
func (j job) options() []string {
	var flags []string
	if j.noCache {
		flags = append(flags, "--no-cache")
	}
	for _, a := range j.args {
		flags = append(flags, "--build-arg", a)
	}
	return flags
}

// shbuild is ours, as the ordinary user.
type shbuild struct{ b *bench }

func (s *shbuild) name() string { return "shbuild" }
func (s *shbuild) start() error { return nil }
func (s *shbuild) stop() error  { return nil }

func (s *shbuild) daemons() []int { return nil }

func (s *shbuild) root() string { return filepath.Join(s.b.who.home, "shbuild") }

func (s *shbuild) command(ctx context.Context, verb string, args ...string) *exec.Cmd {
	return s.b.who.command(ctx, s.b.shbuild, append([]string{verb, "--root", s.root()}, args...)...)
}

func (s *shbuild) version(ctx context.Context) *exec.Cmd {
	return s.b.who.command(ctx, s.b.shbuild, "version")
}

func (s *shbuild) reset(context.Context) error { return s.b.who.wipe(s.root()) }

func (s *shbuild) build(ctx context.Context, j job) *exec.Cmd {
	args := append(j.options(), "--progress", "plain")
	if j.compression == "" {
		args = append(args, "-t", s.b.registry.image(j.tag))
	} else {
		args = append(args, "-o", fmt.Sprintf("type=image,name=%s,compression=%s", s.b.registry.image(j.tag), j.compression))
	}
	return s.command(ctx, "build", append(args, "-f", j.file, j.context)...)
}

func (s *shbuild) push(ctx context.Context, j job, _ string) *exec.Cmd {
	return s.command(ctx, "push", s.b.registry.image(j.tag)) // as it was built
}

// copyProgram puts a program where everybody can run it.
func copyProgram(from, to string) (string, error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	os.Remove(to) // it may be running
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(out, in); err != nil {
		return "", err
	}
	return to, out.Close()
}

// until waits for something that a daemon does when it is ready.
func until(d time.Duration, ready func() bool) error {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ready() {
			return nil
		}
	}
	return fmt.Errorf("not ready after %s", d)
}
