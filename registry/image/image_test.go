package image

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// The manifest, byte for byte: its digest is the image's.
func TestManifest(t *testing.T) {
	t.Parallel()
	a, b := newLayer(t, "a", Uncompressed), newLayer(t, "b", Uncompressed)
	config := configOf(t, "amd64", a, b)
	for _, tt := range []struct {
		name string
		o    Options
		want string
	}{
		{"oci", Options{}, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
			`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":SIZE,"digest":"CONFIG"},` +
			`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":2048,"digest":"A"},` +
			`{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":2048,"digest":"B"}]}`},
		{"docker", Options{Docker: true}, `{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",` +
			`"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":SIZE,"digest":"CONFIG"},` +
			`"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar","size":2048,"digest":"A"},` +
			`{"mediaType":"application/vnd.docker.image.rootfs.diff.tar","size":2048,"digest":"B"}]}`},
		{"annotations", Options{Annotations: map[string]string{"z": "1", "a": "2"}}, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
			`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":SIZE,"digest":"CONFIG"},` +
			`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":2048,"digest":"A"},` +
			`{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":2048,"digest":"B"}],"annotations":{"a":"2","z":"1"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			size, err := json.Marshal(len(config))
			must(t, err)
			want := strings.NewReplacer("SIZE", string(size), "CONFIG", hashOf(t, config).String(),
				`"A"`, `"`+hashOf(t, layerTar(t, "a")).String()+`"`, `"B"`, `"`+hashOf(t, layerTar(t, "b")).String()+`"`).Replace(tt.want)
			for range 3 {
				img, err := New(config, []v1.Layer{a, b}, tt.o)
				must(t, err)
				raw, err := img.RawManifest()
				must(t, err)
				if diff := cmp.Diff(want, string(raw)); diff != "" {
					t.Fatalf("(-want +got):\n%s", diff)
				}
				got, err := img.RawConfigFile()
				must(t, err)
				if !bytes.Equal(got, config) {
					t.Errorf("the config is another: %s", got)
				}
				digest, err := img.Digest()
				must(t, err)
				if digest != hashOf(t, raw) {
					t.Errorf("digest %s", digest)
				}
			}
		})
	}
}

// An image is whole by another's reading: sizes, digests and diff IDs are those of the bytes.
func TestValidate(t *testing.T) {
	t.Parallel()
	for media, o := range map[types.MediaType]Options{types.OCILayer: {}, types.DockerLayer: {Docker: true}} {
		must(t, validate.Image(newImage(t, o, withType(newLayer(t, "a", Gzip), media), withType(newLayer(t, "b", Gzip), media))))
	}
}

// A config is kept as it is, even where our types do not know all of it.
func TestConfigIsKept(t *testing.T) {
	t.Parallel()
	l := newLayer(t, "a", Gzip)
	config := bytes.Replace(configOf(t, "amd64", l), []byte("{"), []byte("{ \n\"unknown\":{\"b\":1,\"a\":[]}, "), 1)
	img, err := New(config, []v1.Layer{l}, Options{})
	must(t, err)
	got, err := img.RawConfigFile()
	must(t, err)
	if !bytes.Equal(got, config) {
		t.Errorf("%s", got)
	}
}

// An image of nothing has an empty list of layers, not null, which some readers refuse.
func TestNoLayers(t *testing.T) {
	t.Parallel()
	raw, err := newImage(t, Options{}).RawManifest()
	must(t, err)
	if !bytes.Contains(raw, []byte(`"layers":[]`)) {
		t.Errorf("%s", raw)
	}
}

// Media types are put into the manifest's family; what a descriptor says besides stays.
func TestMediaTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from types.MediaType
		o    Options
		want types.MediaType
		err  string
	}{
		{types.DockerLayer, Options{}, types.OCILayer, ""},
		{types.OCILayer, Options{Docker: true}, types.DockerLayer, ""},
		{types.OCILayer, Options{}, types.OCILayer, ""},
		{types.DockerUncompressedLayer, Options{}, types.OCIUncompressedLayer, ""},
		{types.DockerForeignLayer, Options{}, types.OCIRestrictedLayer, ""},
		{types.OCIRestrictedLayer, Options{Docker: true}, types.DockerForeignLayer, ""},
		{types.OCILayerZStd, Options{}, types.OCILayerZStd, ""},
		{dockerZstd, Options{}, types.OCILayerZStd, ""},
		{types.OCILayerZStd, Options{Docker: true}, "", "make image: layer 1: docker manifests cannot name zstd layers"},
		{types.OCIUncompressedRestrictedLayer, Options{}, types.OCIUncompressedRestrictedLayer, ""},
		{"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", Options{}, "", `make image: layer 1: not a layer: media type "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"`},
		{types.OCIConfigJSON, Options{Docker: true}, "", "make image: layer 1: not a layer: "},
	} {
		l := withType(newLayer(t, "a", Gzip), tt.from).(*layer)
		l.desc.URLs, l.desc.Annotations = []string{"https://example.com/a"}, map[string]string{"k": "v"}
		img, err := New(configOf(t, "amd64", l), []v1.Layer{l}, tt.o)
		if tt.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tt.err) || hint(err) == "" {
				t.Errorf("%s, %+v: error %v, hint %q", tt.from, tt.o, err, hint(err))
			}
			continue
		}
		must(t, err)
		m, err := img.Manifest()
		must(t, err)
		want := l.desc
		want.MediaType = tt.want
		if tt.o.Docker {
			want.Annotations = nil
		}
		if diff := cmp.Diff([]v1.Descriptor{want}, m.Layers); diff != "" {
			t.Errorf("%s, %+v (-want +got):\n%s", tt.from, tt.o, diff)
		}
	}
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	a, b := newLayer(t, "a", Gzip), newLayer(t, "b", Gzip)
	for _, tt := range []struct {
		config []byte
		layers []v1.Layer
		o      Options
		err    string
	}{
		{[]byte("{"), nil, Options{}, "make image: config: "},
		{configOf(t, "amd64", a), nil, Options{}, "make image: config has 1 diff IDs for 0 layers"},
		{configOf(t, "amd64", a, b), []v1.Layer{b, a}, Options{}, "make image: layer 1: its diff ID is "},
		{configOf(t, "amd64"), nil, Options{Docker: true, Annotations: map[string]string{"a": "b"}}, "make image: docker manifests have no annotations"},
	} {
		if _, err := New(tt.config, tt.layers, tt.o); err == nil || !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("error %v, want %q", err, tt.err)
		}
	}
}

// A layer gives its bytes again and again, compressed and plain, and closes what it has opened.
func TestLayer(t *testing.T) {
	t.Parallel()
	plain := layerTar(t, "text")
	for _, c := range []Compression{Gzip, Zstd, Uncompressed} {
		data := compressed(t, plain, c)
		opened := 0
		l := Layer(v1.Descriptor{MediaType: c.MediaType(), Digest: hashOf(t, data), Size: int64(len(data))}, hashOf(t, plain), func() (io.ReadCloser, error) {
			opened++
			return &counted{bytes.NewReader(data), &opened}, nil
		})
		for range 2 {
			for want, open := range map[string]func() (io.ReadCloser, error){string(plain): l.Uncompressed, string(data): l.Compressed} {
				r, err := open()
				must(t, err)
				got, err := io.ReadAll(r)
				must(t, err)
				must(t, r.Close())
				if string(got) != want {
					t.Errorf("%s: other bytes", c)
				}
			}
		}
		if opened != 0 {
			t.Errorf("%s: %d left open", c, opened)
		}
	}
	opened := 0
	l := Layer(v1.Descriptor{MediaType: types.OCILayer}, v1.Hash{}, func() (io.ReadCloser, error) {
		opened++
		return &counted{strings.NewReader("<html>"), &opened}, nil
	})
	if _, err := l.Uncompressed(); err == nil || opened != 0 {
		t.Errorf("no layer: error %v, %d left open", err, opened)
	}
}

type counted struct {
	io.Reader
	open *int
}

func (c *counted) Close() error { *c.open--; return nil }
