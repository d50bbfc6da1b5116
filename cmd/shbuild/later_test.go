package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/shbuild/shbuild/registry/store"
)

// TestPushLater pushes an image whose layers the build has left as files: the registry gets them compressed, the store
// keeps that, and a build of it again is the image that was pushed.
func TestPushLater(t *testing.T) {
	top, program := programIn(t, "later")
	check(t, os.WriteFile(filepath.Join(top, "Dockerfile"), []byte("FROM builtin:toybox\nCOPY Dockerfile /\nRUN echo a >/a\n"), 0o644))
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	image := strings.TrimPrefix(server.URL, "http://") + "/app:1"
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = top
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + top, "TMPDIR=" + top, "SHBUILD_ROOT=" + filepath.Join(top, "state")}
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("shbuild %s: %v\n%s%s", strings.Join(args, " "), err, out, said.String())
		}
		return strings.TrimSpace(string(out))
	}
	id := run("-q", "-t", image, "Dockerfile")
	pushed := run("push", image)
	digest := regexp.MustCompile(`^pushed ` + regexp.QuoteMeta(image) + ` (sha256:[0-9a-f]{64})$`).FindStringSubmatch(pushed)
	if digest == nil {
		t.Fatalf("push says %q", pushed)
	}
	ref, err := name.ParseReference(image)
	check(t, err)
	got, err := remote.Image(ref)
	check(t, err)
	check(t, validate.Image(got))
	manifest, err := got.Manifest()
	check(t, err)
	if manifest.Config.Digest.String() != id {
		t.Errorf("the configuration is %s, the build said %s", manifest.Config.Digest, id)
	}
	for _, l := range manifest.Layers {
		if l.MediaType != types.OCILayer || store.IsLater(l) {
			t.Errorf("layer %s went out as %s, annotations %v", l.Digest, l.MediaType, l.Annotations)
		}
	}
	for _, again := range []string{run("push", "-q", image), func() string { run("-q", "-t", image, "Dockerfile"); return run("push", "-q", image) }()} {
		if again != digest[1] {
			t.Errorf("pushed again it is %s, not %s", again, digest[1])
		}
	}
}
