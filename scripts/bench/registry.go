package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// registry is Debian's docker-registry on a loopback port, with its content in the bench's folder.
type registry struct {
	address string // "127.0.0.1:5000"
	dir     string
	cmd     *exec.Cmd
}

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

func startRegistry(b *bench) (*registry, error) {
	r := &registry{dir: b.path("registry")}
	config := b.path("registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: \"127.0.0.1:0\"}\n", r.dir)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	r.cmd = plain(context.Background(), "docker-registry", "serve", config)
	log, err := r.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: `scripts/setup bench` installs it", err)
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			r.address = m[1]
			go func() {
				for lines.Scan() { // it must never wait for a reader
				}
			}()
			return r, nil
		}
	}
	return nil, errors.Join(errors.New("docker-registry does not listen"), r.stop())
}

func (r *registry) stop() error {
	if err := r.cmd.Process.Signal(unix.SIGTERM); err != nil {
		return err
	}
	r.cmd.Wait() //nolint:errcheck // ended by the signal
	return nil
}

// image is the name of an image in it.
func (r *registry) image(name string) string { return r.address + "/" + name }

// has tells whether the image was pushed.
func (r *registry) has(name string) bool {
	repo, tag, _ := strings.Cut(name, ":")
	_, err := os.Stat(filepath.Join(r.dir, "docker/registry/v2/repositories", repo, "_manifests/tags", tag))
	return err == nil
}

// blob is the file of a blob, by its digest.
func (r *registry) blob(digest string) string {
	hex := strings.TrimPrefix(digest, "sha256:")
	return filepath.Join(r.dir, "docker/registry/v2/blobs/sha256", hex[:2], hex, "data")
}

// current is the digest of the manifest that a tag has.
func (r *registry) current(name string) (string, error) {
	repo, tag, _ := strings.Cut(name, ":")
	d, err := os.ReadFile(filepath.Join(r.dir, "docker/registry/v2/repositories", repo, "_manifests/tags", tag, "current/link"))
	return string(d), err
}

// forget removes a repository's content, so that the next push of it sends everything. The blobs stay unless purge.
func (r *registry) forget(repo string) error {
	return os.RemoveAll(filepath.Join(r.dir, "docker/registry/v2/repositories", repo))
}
