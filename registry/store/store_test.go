package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/shbuild/shbuild/registry/store"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64"}
	armv6 = v1.Platform{OS: "linux", Architecture: "arm", Variant: "v6"}
	armv7 = v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}
)

func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// randomImage is an OCI image of three layers for a platform.
func randomImage(t testing.TB, p v1.Platform) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for range 3 {
		layer, err := random.Layer(2000, types.OCILayer)
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

func digestOf(t testing.TB, img v1.Image) v1.Hash {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func put(t testing.TB, s *store.Store, name string, img v1.Image) v1.Descriptor {
	t.Helper()
	desc, err := s.Put(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(name, desc, *desc.Platform); err != nil {
		t.Fatal(err)
	}
	return desc
}

func hashOf(content string) v1.Hash {
	h, _, err := v1.SHA256(strings.NewReader(content))
	if err != nil {
		panic(err)
	}
	return h
}

// ingesting lists what is in the ingest folder.
func ingesting(t testing.TB, s *store.Store) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Dir(), "ingest", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestImageComesBackAsItWas(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	img := randomImage(t, amd64)
	desc := put(t, s, "app", img)
	if desc.Digest != digestOf(t, img) {
		t.Errorf("put as %s", desc.Digest)
	}
	got, ok, err := open(t, s.Dir()).Image("docker.io/library/app:latest", amd64)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	if digestOf(t, got) != desc.Digest {
		t.Errorf("came back as %s", digestOf(t, got))
	}
	// Putting it again, from the store itself, changes nothing.
	if again, err := s.Put(t.Context(), got); err != nil || again.Digest != desc.Digest {
		t.Error(again, err)
	}
}

func TestNamesMove(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	first, second := randomImage(t, amd64), randomImage(t, amd64)
	old := put(t, s, "app:v1", first)
	put(t, s, "app:v1", second)
	got, _, err := s.Image("app:v1", amd64)
	if err != nil || digestOf(t, got) != digestOf(t, second) {
		t.Error(err)
	}
	if _, err := s.ByDigest(old.Digest); err != nil {
		t.Error("the image that lost its name:", err)
	}
	if found, err := s.Untag("app:v1"); err != nil || !found {
		t.Error(found, err)
	}
	if found, err := s.Untag("app:v1"); err != nil || found {
		t.Error(found, err)
	}
	if _, ok, err := s.Image("app:v1", amd64); ok || err != nil {
		t.Error(ok, err)
	}
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	want := map[v1.Hash]string{}
	for name, p := range map[string]v1.Platform{"amd64": amd64, "arm64": arm64, "v6": armv6} {
		want[put(t, s, "multi", randomImage(t, p)).Digest] = name
	}
	for _, test := range []struct {
		p    v1.Platform
		want string
	}{
		{amd64, "amd64"}, {arm64, "arm64"}, {armv7, "v6"}, {armv6, "v6"},
		{v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}, "arm64"},
		{v1.Platform{OS: "linux", Architecture: "riscv64"}, ""},
	} {
		img, ok, err := s.Image("multi", test.p)
		if err != nil || ok != (test.want != "") {
			t.Errorf("%s: %v, %v", test.p, ok, err)
		} else if ok && want[digestOf(t, img)] != test.want {
			t.Errorf("%s: got %s", test.p, want[digestOf(t, img)])
		}
	}
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name+" "+e.Familiar+" "+e.Platform.String())
	}
	const name = "docker.io/library/multi:latest multi:latest "
	if diff := cmp.Diff([]string{name + "linux/amd64", name + "linux/arm/v6", name + "linux/arm64"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadNames(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	desc := put(t, s, "ok", randomImage(t, amd64))
	for _, bad := range []string{"", "Up", "a b", "https://x/y", "../x", "a:b:c"} {
		if err := s.Tag(bad, desc, amd64); err == nil {
			t.Errorf("%q was taken", bad)
		}
		if _, err := store.Normalize(bad); err == nil {
			t.Errorf("%q was normalised", bad)
		}
	}
	if err := s.Tag("x", v1.Descriptor{Digest: hashOf("nothing")}, amd64); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

func TestIngest(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	got, err := s.Ingest(t.Context(), v1.Hash{}, strings.NewReader("content"))
	if err != nil || got.Digest != hashOf("content") || got.Size != 7 {
		t.Fatal(got, err)
	}
	blob, err := s.Blob(got.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	if err := iotest.TestReader(struct{ io.Reader }{blob}, []byte("content")); err != nil {
		t.Error(err)
	}

	_, err = s.Ingest(t.Context(), hashOf("other"), strings.NewReader("content of other kind"))
	var wrong *store.WrongDigest
	if !errors.As(err, &wrong) || s.Has(hashOf("other")) || s.Has(hashOf("content of other kind")) {
		t.Error(err)
	}
	if _, err := s.Ingest(t.Context(), v1.Hash{}, iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Ingest(ctx, v1.Hash{}, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left := ingesting(t, s); len(left) > 0 {
		t.Error(left)
	}
	if _, err := s.Blob(hashOf("nothing")); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.Blob(v1.Hash{Algorithm: "sha256", Hex: "../../../etc/passwd"}); err == nil {
		t.Error("a path was taken for a digest")
	}
}

func TestDamagedBlob(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	content := bytes.Repeat([]byte("layer"), 100_000)
	desc, err := s.Ingest(t.Context(), v1.Hash{}, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	content[1000] ^= 1
	path := filepath.Join(s.Dir(), "blobs", "sha256", desc.Digest.Hex)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	blob, err := s.Blob(desc.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	var damaged *store.Damaged
	if _, err := io.Copy(io.Discard, blob); !errors.As(err, &damaged) || damaged.Path != path {
		t.Error(err)
	}
	// What a power cut leaves is not taken for a blob, and the next ingest heals it.
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if s.Has(desc.Digest) {
		t.Error("an empty file is a blob")
	}
	content[1000] ^= 1
	if _, err := s.Ingest(t.Context(), desc.Digest, bytes.NewReader(content)); err != nil || !s.Has(desc.Digest) {
		t.Error(err)
	}
}
