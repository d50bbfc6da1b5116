package remote_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/shbuild/shbuild/registry/reference"
	"github.com/shbuild/shbuild/registry/remote"
)

var linux = v1.Platform{OS: "linux", Architecture: "amd64"}

// nobody is a keychain without keys: tests do not look into the user's files.
var nobody = authn.NewMultiKeychain()

func client(t *testing.T, o remote.Options) *remote.Client {
	t.Helper()
	if o.Keychain == nil {
		o.Keychain = nobody
	}
	o.Pause = time.Millisecond
	c := remote.New(o)
	t.Cleanup(c.Close)
	return c
}

// handler is a registry in this process.
func handler() http.Handler { return registry.New(registry.Logger(log.New(io.Discard, "", 0))) }

// serve gives the host and port of a server for the test's time.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func randomImage(t *testing.T, p v1.Platform) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for range 3 {
		layer, err := random.Layer(100_000, types.OCILayer)
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			t.Fatal(err)
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func digestOf(t *testing.T, x interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	d, err := x.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// upload puts an image or an index into a registry, without our code.
func upload(t *testing.T, to string, x ggcr.Taggable) {
	t.Helper()
	ref, err := reference.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	target, err := ref.Remote(true)
	if err != nil {
		t.Fatal(err)
	}
	if err := ggcr.Push(target, x); err != nil {
		t.Fatal(err)
	}
}

// wantError sees that an error is what it should be and has advice of use.
func wantError(t *testing.T, err error, kind remote.Kind, reason, hint string) {
	t.Helper()
	var e *remote.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v", err, err)
	}
	if e.Kind != kind || !strings.Contains(e.Error(), reason) || !strings.Contains(e.Hint(), hint) {
		t.Errorf("%s error %q, hint %q", e.Kind, e, e.Hint())
	}
	if strings.Contains(e.Error(), "\n") {
		t.Errorf("%q is of several lines", e)
	}
}

func TestPushAndFetch(t *testing.T) {
	t.Parallel()
	host := serve(t, handler())
	img := randomImage(t, linux)
	c := client(t, remote.Options{})
	if err := c.Push(t.Context(), img, host+"/x:v1"); err != nil {
		t.Fatal(err)
	}
	for _, by := range []string{host + "/x:v1", host + "/x@" + digestOf(t, img).String()} {
		got, digest, err := c.Fetch(t.Context(), by, linux)
		if err != nil {
			t.Fatal(err)
		}
		if digest != digestOf(t, img) || digestOf(t, got) != digest {
			t.Errorf("%s: %s", by, digest)
		}
		if err := validate.Image(got); err != nil {
			t.Error(err)
		}
	}
	// An image under another name of the same registry: its layers are mounted, not sent.
	got, _, err := c.Fetch(t.Context(), host+"/x:v1", linux)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Push(t.Context(), got, host+"/y:v1"); err != nil {
		t.Error(err)
	}
	err = c.Push(t.Context(), img, host+"/x@sha256:"+strings.Repeat("0", 64))
	wantError(t, err, remote.Wrong, "the image to push is", "")
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	host := serve(t, handler())
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	want := map[string]v1.Hash{}
	add := func(into v1.ImageIndex, p v1.Platform) v1.ImageIndex {
		img := randomImage(t, p)
		want[p.String()] = digestOf(t, img)
		return mutate.AppendManifests(into, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &p}})
	}
	index = add(index, v1.Platform{OS: "linux", Architecture: "amd64"})
	index = add(index, v1.Platform{OS: "linux", Architecture: "arm", Variant: "v6"})
	index = add(index, v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"})
	index = add(index, v1.Platform{OS: "unknown", Architecture: "unknown"})
	upload(t, host+"/multi:v1", index)
	c := client(t, remote.Options{})
	for asked, got := range map[string]string{
		"linux/amd64": "linux/amd64", "linux/arm/v7": "linux/arm/v6", "linux/arm64": "linux/arm64/v8", "linux/arm64/v8": "linux/arm64/v8",
	} {
		p, err := v1.ParsePlatform(asked)
		if err != nil {
			t.Fatal(err)
		}
		img, digest, err := c.Fetch(t.Context(), host+"/multi:v1", *p)
		if err != nil {
			t.Error(asked, err)
		} else if digestOf(t, img) != want[got] || digest != digestOf(t, index) {
			t.Errorf("%s: wrong image", asked)
		}
	}
	_, _, err := c.Fetch(t.Context(), host+"/multi:v1", v1.Platform{OS: "linux", Architecture: "riscv64"})
	wantError(t, err, remote.NoPlatform, "no image for linux/riscv64", "there are: linux/amd64, linux/arm/v6, linux/arm64; choose with --platform")

	nested := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.DockerManifestList), mutate.IndexAddendum{Add: index})
	upload(t, host+"/nested:v1", nested)
	if img, _, err := c.Fetch(t.Context(), host+"/nested:v1", linux); err != nil || digestOf(t, img) != want["linux/amd64"] {
		t.Error(err)
	}
	// A name that is one image is taken as it is; its config tells.
	upload(t, host+"/single:v1", randomImage(t, v1.Platform{OS: "linux", Architecture: "s390x"}))
	img, _, err := c.Fetch(t.Context(), host+"/single:v1", linux)
	if err != nil {
		t.Fatal(err)
	}
	if config, err := img.ConfigFile(); err != nil || config.Architecture != "s390x" {
		t.Error(err)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	host := serve(t, handler())
	for _, tag := range []string{"11", "12", "latest"} {
		upload(t, host+"/debian:"+tag, randomImage(t, linux))
	}
	c := client(t, remote.Options{})
	_, _, err := c.Fetch(t.Context(), host+"/debian:13", linux)
	wantError(t, err, remote.NotFound, "not in the registry", "the repository has the tags 11, 12, latest")
	_, _, err = c.Fetch(t.Context(), host+"/debina:12", linux)
	wantError(t, err, remote.NotFound, "not in the registry", "check the name")
	_, _, err = c.Fetch(t.Context(), host+"/debian@sha256:"+strings.Repeat("1", 64), linux)
	wantError(t, err, remote.NotFound, "not in the registry", "check the name")
	_, _, err = c.Fetch(t.Context(), "BAD NAME", linux)
	if err == nil {
		t.Error("a bad name was taken")
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	c := client(t, remote.Options{})
	s := httptest.NewServer(handler())
	host := strings.TrimPrefix(s.URL, "http://")
	s.Close()
	_, _, err := c.Fetch(t.Context(), host+"/x", linux)
	wantError(t, err, remote.Unreachable, "registry "+host+" cannot be reached: connection refused", "Nothing answers at "+host)
	_, _, err = c.Fetch(t.Context(), "no-such-host.invalid/x", linux)
	wantError(t, err, remote.Unreachable, "no-such-host.invalid", "network")
	host = serve(t, http.NotFoundHandler())
	_, _, err = c.Fetch(t.Context(), host+"/x", linux)
	wantError(t, err, remote.Refused, "is no registry", "port")
}

func TestLayerIsRaw(t *testing.T) {
	t.Parallel()
	host := serve(t, handler())
	img := randomImage(t, linux)
	upload(t, host+"/x:v1", img)
	got, _, err := client(t, remote.Options{}).Fetch(t.Context(), host+"/x:v1", linux)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := got.Layers()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for i := range ours {
		if want, got := content(t, ours[i]), content(t, theirs[i]); !bytes.Equal(want, got) {
			t.Errorf("layer %d has %d bytes, not %d", i, len(got), len(want))
		}
	}
}

func content(t *testing.T, layer v1.Layer) []byte {
	t.Helper()
	r, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
