package conformance

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A builder builds a case's context into an archive of one image. A Dockerfile that it refuses is an error that
// begins with what it said.
type builder interface {
	build(c *testcase, context, archive string) error
}

// baseName is the base's name in the Dockerfiles of cases.
const baseName = "toybox:1"

// patience is how long a builder may take for one case.
const patience = 2 * time.Minute

// run runs a command and gives what it wrote if it fails.
func run(env []string, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second // what it started may still hold its output
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}

// named writes the case's Dockerfiles with the base's name as a builder knows it, beside the context's own.
func named(context, base string) error {
	files, err := filepath.Glob(filepath.Join(context, "*Dockerfile*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a folder, or a link to nowhere, of that name
		}
		if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte(baseName), []byte(base)), 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(file, contextTime, contextTime); err != nil {
			return err
		}
	}
	return nil
}

// flagsIn gives the case's flags for a build context, which they call $CONTEXT.
func (c *testcase) flagsIn(context string) []string {
	out := make([]string, len(c.flags))
	for i, f := range c.flags {
		out[i] = strings.ReplaceAll(f, "$CONTEXT", context)
	}
	return out
}

type shbuild struct {
	program, root string
	isolation     string // empty: the best
}

func (b *shbuild) build(c *testcase, context, archive string) error {
	if err := named(context, "builtin:toybox"); err != nil {
		return err
	}
	args := append([]string{"build", "--progress", "plain", "-o", "type=oci,dest=" + archive}, c.flagsIn(context)...)
	return run([]string{"SHBUILD_ROOT=" + b.root, "SHBUILD_ISOLATION=" + b.isolation}, b.program, append(args, cmp.Or(c.context, context))...)
}

// buildkit is a buildkitd, by buildctl, that nobody else uses. It takes a file for unchanged that has the name, size and
// time of one that it was sent for an earlier build, and keeps the times of folders; and it takes a layer for the same
// whose files are in other hard-link groups. So it builds one case at a time, and forgets the last one before.
type buildkit struct {
	address, registry string
	one               sync.Mutex
}

func (b *buildkit) build(c *testcase, context, archive string) error {
	if err := named(context, b.registry+"/"+baseName); err != nil {
		return err
	}
	b.one.Lock()
	defer b.one.Unlock()
	if err := run(nil, "buildctl", "--addr", b.address, "prune", "--filter", "type==source.local"); err != nil {
		return err
	}
	args := []string{"--addr", b.address, "build", "--progress", "plain", "--no-cache", "--frontend", "dockerfile.v0",
		"--output", "type=oci,dest=" + archive}
	if c.context != "" {
		args = append(args, "--opt", "context="+c.context)
	} else {
		args = append(args, "--local", "context="+context, "--local", "dockerfile="+context)
	}
	flags, err := buildctlFlags(c.flagsIn(context), context)
	if err != nil {
		return err
	}
	return run(nil, "buildctl", append(args, flags...)...)
}

// buildctlFlags translates docker's flags.
func buildctlFlags(flags []string, context string) ([]string, error) {
	options := map[string]string{
		"--target": "target=", "--build-arg": "build-arg:", "--label": "label:", "--platform": "platform=",
		"-f": "filename=", "--add-host": "add-hosts=", "--shm-size": "shm-size=", "--ulimit": "ulimit=",
		"--network": "force-network-mode=", "--no-cache-filter": "no-cache=",
	}
	var out []string
	for i := 0; i < len(flags); i++ {
		flag, value, joined := strings.Cut(flags[i], "=")
		if !joined {
			if i++; i == len(flags) {
				return nil, fmt.Errorf("flags: %s has no value", flag)
			}
			value = flags[i]
		}
		switch option := options[flag]; {
		case flag == "-f":
			out = append(out, "--opt", option+strings.TrimPrefix(value, context+"/"))
		case option != "":
			out = append(out, "--opt", option+value)
		case flag == "--secret" || flag == "--ssh" || flag == "--allow":
			out = append(out, flag, value)
		case flag == "--build-context":
			name, where, _ := strings.Cut(value, "=")
			if strings.Contains(where, "://") {
				out = append(out, "--opt", "context:"+name+"="+where)
			} else {
				out = append(out, "--opt", "context:"+name+"=local:"+name, "--local", name+"="+where)
			}
		default:
			return nil, fmt.Errorf("flags: %s is not known to the conformance suite", flag)
		}
	}
	return out, nil
}

// podman is podman, without layers of its own for each step: they are not what is compared.
type podman struct {
	dir, runtime, registry string

	// one is held during a build: of two at once that have layers in common, one removes what the other uses.
	one sync.Mutex
}

func (b *podman) engine(args ...string) error {
	global := []string{"--root", b.dir + "/root", "--runroot", b.dir + "/run", "--cgroup-manager=cgroupfs", "--events-backend=file", "--runtime", b.runtime}
	return run([]string{"XDG_RUNTIME_DIR=" + b.dir + "/xdg", "HOME=" + b.dir + "/home"}, "podman", append(global, args...)...)
}

func (b *podman) build(c *testcase, context, archive string) error {
	b.one.Lock()
	defer b.one.Unlock()
	if err := named(context, b.registry+"/"+baseName); err != nil {
		return err
	}
	tag := "localhost/case:" + strings.ToLower(c.name)
	args := append([]string{"build", "--format=docker", "--layers=false", "--network=host", "--tls-verify=false", "-t", tag}, c.flagsIn(context)...)
	if err := b.engine(append(args, cmp.Or(c.context, context))...); err != nil {
		return err
	}
	defer b.engine("rmi", "--force", tag)
	return b.engine("save", "--format=docker-archive", "-o", archive, tag)
}

// forgetMarks takes away what podman leaves in every image: a label, and the files that it binds into containers.
func forgetMarks(img, base *image) {
	delete(img.config.Config.Labels, "io.buildah.version")
	for _, name := range []string{"etc/hosts", "etc/hostname", "etc/resolv.conf"} {
		if f := img.files[name]; f != nil && base.files[name] == nil && f.header.Size == 0 {
			img.forget(name)
		}
	}
	img.unmark("etc", base)
}

// unmark gives a folder the base's time again, if nothing in it is another than the base's: files came and went.
func (img *image) unmark(dir string, base *image) {
	is, was := img.files[dir], base.files[dir]
	if is == nil || was == nil {
		return
	}
	for _, files := range []map[string]*file{img.files, base.files} {
		for name := range files {
			if strings.HasPrefix(name, dir+"/") && (img.files[name] == nil || base.files[name] == nil || img.files[name].line(true) != base.files[name].line(true)) {
				return
			}
		}
	}
	is.header.ModTime = was.header.ModTime
}

// newPodman makes ready to use podman, or returns nil where there is none that can run anything.
func newPodman(t *testing.T, registry string) *podman {
	if _, err := exec.LookPath("podman"); err != nil {
		return nil
	}
	// A short path: podman has a limit of 50 characters.
	dir, err := os.MkdirTemp("", "pod")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { emptied(t, dir) })
	for _, d := range []string{"xdg", "home/.config/containers"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	policy := filepath.Join(dir, "home/.config/containers/policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	base := registry + "/" + baseName
	for _, runtime := range []string{"crun", "runc"} {
		found, err := exec.LookPath(runtime)
		if err != nil {
			continue
		}
		p := &podman{dir: dir, runtime: found, registry: registry}
		if err = p.engine("pull", "-q", "--tls-verify=false", base); err == nil {
			if err = p.engine("run", "--rm", "--network=host", base, "true"); err == nil {
				return p
			}
		}
		t.Logf("podman with %s: %v", runtime, err)
	}
	return nil
}
