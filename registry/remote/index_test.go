package remote_test

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/shbuild/shbuild/registry/image"
	"github.com/shbuild/shbuild/registry/reference"
	"github.com/shbuild/shbuild/registry/remote"
)

// An index is pushed with its images, and each platform's is fetched by the name.
func TestPushIndex(t *testing.T) {
	arm := v1.Platform{OS: "linux", Architecture: "arm64"}
	of := []v1.Platform{linux, arm}
	var members []image.Member
	for _, p := range of {
		members = append(members, image.Member{Image: randomImage(t, p), Annotations: map[string]string{"for": p.Architecture}})
	}
	index, err := image.Index(members, false, map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	name := serve(t, handler()) + "/several:1"
	c := client(t, remote.Options{})
	if err := c.PushIndex(t.Context(), index, name); err != nil {
		t.Fatal(err)
	}
	for i, p := range of {
		want := members[i].Image
		got, _, err := c.Fetch(t.Context(), name, p)
		if err != nil {
			t.Fatal(err)
		}
		wantDigest, _ := want.Digest()
		if digest, err := got.Digest(); err != nil || digest != wantDigest {
			t.Errorf("%v: got %v, %v, want %v", p, digest, err, wantDigest)
		}
	}
	ref, err := reference.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	there, err := ref.Remote(true)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := ggcr.Index(there)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := kept.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Annotations["a"] != "b" || len(manifest.Manifests) != 2 || manifest.Manifests[1].Annotations["for"] != "arm64" || manifest.Manifests[1].Platform.Architecture != "arm64" {
		t.Errorf("the registry has %+v", manifest)
	}
}
