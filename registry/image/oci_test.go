package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	ggcr "github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// two are images that share a layer.
func two(t testing.TB) []Named {
	t.Helper()
	shared, a, b := newLayer(t, "shared", Gzip), newLayer(t, "a", Gzip), newLayer(t, "b", Gzip)
	return []Named{{Name: "app:v1", Image: newImage(t, Options{}, shared, a)}, {Name: "example.com/team/other", Image: newImage(t, Options{}, shared, b)}}
}

// untar gives the files of an archive, and their names in order.
func untar(t testing.TB, data []byte) (files map[string][]byte, order []string) {
	t.Helper()
	files = map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files, order
		}
		must(t, err)
		if _, twice := files[h.Name]; twice {
			t.Errorf("%s is there twice", h.Name)
		}
		if h.ModTime.Unix() != 0 || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s: time %v, owner %d %q", h.Name, h.ModTime, h.Uid, h.Uname)
		}
		files[h.Name], err = io.ReadAll(r)
		must(t, err)
		order = append(order, h.Name)
	}
}

// unpack writes the files of an archive into a folder.
func unpack(t testing.TB, data []byte) string {
	t.Helper()
	dir := t.TempDir()
	files, _ := untar(t, data)
	for name, content := range files {
		if strings.HasSuffix(name, "/") {
			continue
		}
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o644))
	}
	return dir
}

// checkLayout reads a layout by another's code.
func checkLayout(t testing.TB, dir string, want []Named) {
	t.Helper()
	path, err := layout.FromPath(dir)
	must(t, err)
	index, err := path.ImageIndex()
	must(t, err)
	must(t, validate.Index(index))
	m, err := index.IndexManifest()
	must(t, err)
	if len(m.Manifests) != len(want) {
		t.Fatalf("%d images, want %d", len(m.Manifests), len(want))
	}
	for i, desc := range m.Manifests {
		digest, err := want[i].Image.Digest()
		must(t, err)
		if desc.Digest != digest || desc.Platform == nil || desc.Platform.String() != "linux/amd64" {
			t.Errorf("image %d: %+v", i, desc)
		}
		img, err := path.Image(desc.Digest)
		must(t, err)
		must(t, validate.Image(img))
	}
	names := map[string]string{
		m.Manifests[0].Annotations["org.opencontainers.image.ref.name"]: m.Manifests[0].Annotations["io.containerd.image.name"],
		m.Manifests[1].Annotations["org.opencontainers.image.ref.name"]: m.Manifests[1].Annotations["io.containerd.image.name"],
	}
	if diff := cmp.Diff(map[string]string{"app:v1": "docker.io/library/app:v1", "example.com/team/other:latest": "example.com/team/other:latest"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestWriteOCI(t *testing.T) {
	t.Parallel()
	images := two(t)
	var b, again bytes.Buffer
	must(t, WriteOCI(t.Context(), &b, images))
	must(t, WriteOCI(t.Context(), &again, two(t)))
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("a second time it is another")
	}
	checkLayout(t, unpack(t, b.Bytes()), images)
	_, order := untar(t, b.Bytes())
	if diff := cmp.Diff([]string{"oci-layout", "index.json", "blobs/", "blobs/sha256/"}, order[:4]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(order) != 4+2*2+3 {
		t.Errorf("%d files, want two manifests, two configs and three layers: %v", len(order), order)
	}
}

func TestWriteOCIFolder(t *testing.T) {
	t.Parallel()
	images := two(t)
	dir := filepath.Join(t.TempDir(), "new")
	must(t, WriteOCIFolder(t.Context(), dir, images))
	checkLayout(t, dir, images)
	// Again, into what is there: a blob of another size is written anew, a whole one is left alone.
	digest, err := images[0].Image.Digest()
	must(t, err)
	damaged := filepath.Join(dir, "blobs/sha256", digest.Hex)
	must(t, os.WriteFile(damaged, []byte("short"), 0o644))
	must(t, WriteOCIFolder(t.Context(), dir, images))
	checkLayout(t, dir, images)
	must(t, WriteOCIFolder(t.Context(), dir, images[:1]))
	path, err := layout.FromPath(dir)
	must(t, err)
	index, err := path.ImageIndex()
	must(t, err)
	m, err := index.IndexManifest()
	must(t, err)
	if len(m.Manifests) != 1 {
		t.Errorf("%d images, want the last one written only", len(m.Manifests))
	}
	empty := t.TempDir()
	must(t, WriteOCIFolder(t.Context(), empty, images))
	checkLayout(t, empty, images)
	for _, d := range []string{dir, empty} {
		left, err := filepath.Glob(filepath.Join(d, "blobs/sha256/.*"))
		must(t, err)
		if len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	other := t.TempDir()
	must(t, os.WriteFile(filepath.Join(other, "mine"), nil, 0o644))
	if err := WriteOCIFolder(t.Context(), other, images); !errors.Is(err, ErrNotLayout) {
		t.Errorf("a folder with other files: %v", err)
	}
	if names, err := os.ReadDir(other); err != nil || len(names) != 1 {
		t.Errorf("it holds %v, %v", names, err)
	}
}

// Docker's own form is read by tag, layers of each compression as docker load takes them.
func TestWriteDocker(t *testing.T) {
	t.Parallel()
	for _, c := range []Compression{Gzip, Uncompressed} {
		shared, a, b := newLayer(t, "shared", c), newLayer(t, "a", c), newLayer(t, "b", c)
		one, other := newImage(t, Options{}, shared, a), newImage(t, Options{}, shared, b)
		var out bytes.Buffer
		must(t, WriteDocker(t.Context(), &out, []Named{{Name: "app:v1", Image: one}, {Name: "app:v2", Image: one}, {Name: "other", Image: other}, {Name: "", Image: newImage(t, Options{}, shared)}}))
		opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil }
		for tag, want := range map[string]v1.Image{"app:v1": one, "app:v2": one, "other:latest": other} {
			ref, err := name.NewTag(tag)
			must(t, err)
			got, err := ggcr.Image(opener, &ref)
			must(t, err)
			checkSame(t, got, want)
		}
		files, order := untar(t, out.Bytes())
		if order[0] != "manifest.json" {
			t.Errorf("manifest.json is not the first: %v", order)
		}
		var list []loadEntry
		must(t, json.Unmarshal(files["manifest.json"], &list))
		if len(list) != 3 || strings.Join(list[0].RepoTags, " ") != "app:v1 app:v2" || list[2].RepoTags != nil {
			t.Errorf("manifest.json: %s", files["manifest.json"])
		}
		for _, e := range list {
			for _, f := range append(e.Layers, e.Config) {
				if files[f] == nil {
					t.Errorf("%s is not in the archive", f)
				}
			}
		}
	}
}

// checkSame compares configs and the content of layers.
func checkSame(t testing.TB, got, want v1.Image) {
	t.Helper()
	a, err := got.RawConfigFile()
	must(t, err)
	b, err := want.RawConfigFile()
	must(t, err)
	if !bytes.Equal(a, b) {
		t.Errorf("config %s, want %s", a, b)
	}
	layers, err := got.Layers()
	must(t, err)
	wanted, err := want.Layers()
	must(t, err)
	for i := range wanted {
		id, err := layers[i].DiffID()
		must(t, err)
		if w, _ := wanted[i].DiffID(); id != w {
			t.Errorf("layer %d: diff ID %s, want %s", i, id, w)
		}
	}
}

// Images of one name are of several platforms, or an error.
func TestNames(t *testing.T) {
	t.Parallel()
	l := newLayer(t, "a", Gzip)
	amd := newImage(t, Options{}, l)
	arm, err := New(configOf(t, "arm64", l), []v1.Layer{l}, Options{})
	must(t, err)
	must(t, WriteOCI(t.Context(), io.Discard, []Named{{Name: "app", Image: amd}, {Name: "app", Image: arm}, {Name: "", Image: amd}, {Name: "", Image: amd}}))
	err = WriteOCI(t.Context(), io.Discard, []Named{{Name: "app", Image: amd}, {Name: "app:latest", Image: newImage(t, Options{}, newLayer(t, "b", Gzip))}})
	if err == nil || err.Error() != "write OCI archive: image app:latest: the name is used for two images of one platform" {
		t.Errorf("error %v", err)
	}
	for _, write := range []func() error{
		func() error { return WriteOCI(t.Context(), io.Discard, []Named{{Name: "Not A Name", Image: amd}}) },
		func() error { return WriteDocker(t.Context(), io.Discard, []Named{{Name: "Not A Name", Image: amd}}) },
	} {
		if err := write(); err == nil || hint(err) == "" {
			t.Errorf("error %v, hint %q", err, hint(err))
		}
	}
	var b bytes.Buffer
	must(t, WriteOCI(t.Context(), &b, nil))
	files, _ := untar(t, b.Bytes())
	if string(files["index.json"]) != `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}` {
		t.Errorf("of nothing: %s", files["index.json"])
	}
}

// Bytes that are not what the manifest says, an opener that fails, a full disk and the end of the context
// are errors that name the blob, and leave no blob that looks whole.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	good := newLayer(t, "a", Gzip).(*layer)
	lost := errors.New("connection lost")
	for name, tt := range map[string]struct {
		open func() (io.ReadCloser, error)
		err  string
		is   error
	}{
		"other bytes": {func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(make([]byte, good.desc.Size))), nil
		}, "its content is not what the manifest says: ", nil},
		"too few":  {func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("few")), nil }, "its content is not what the manifest says: 3 bytes", nil},
		"not open": {func() (io.ReadCloser, error) { return nil, lost }, "connection lost", lost},
	} {
		l := Layer(good.desc, good.diffID, tt.open)
		images := []Named{{Name: "app", Image: newImage(t, Options{}, l)}}
		dir := t.TempDir()
		for form, err := range map[string]error{
			"archive": WriteOCI(t.Context(), io.Discard, images),
			"docker":  WriteDocker(t.Context(), io.Discard, images),
			"folder":  WriteOCIFolder(t.Context(), dir, images),
		} {
			if err == nil || !strings.Contains(err.Error(), "blob "+good.desc.Digest.String()+": ") || !strings.Contains(err.Error(), tt.err) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%s, %s: %v", name, form, err)
			}
		}
		for _, f := range []string{"index.json", filepath.Join("blobs/sha256", good.desc.Digest.Hex)} {
			if _, err := os.Stat(filepath.Join(dir, f)); err == nil {
				t.Errorf("%s: %s was left", name, f)
			}
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(lost)
	if err := WriteOCI(ctx, io.Discard, two(t)); !errors.Is(err, lost) {
		t.Errorf("canceled: %v", err)
	}
	full := errors.New("full")
	if err := WriteOCI(t.Context(), failing{full}, two(t)); !errors.Is(err, full) {
		t.Errorf("full: %v", err)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// A layer that its maker wants to be fetched from elsewhere is left out where it is not at hand.
func TestForeignLayers(t *testing.T) {
	t.Parallel()
	foreign := newLayer(t, "foreign", Gzip).(*layer)
	foreign.desc.MediaType, foreign.desc.URLs = types.OCIRestrictedLayer, []string{"https://example.com/x"}
	foreign.open = func() (io.ReadCloser, error) { return nil, os.ErrNotExist }
	var b bytes.Buffer
	must(t, WriteOCI(t.Context(), &b, []Named{{Name: "app", Image: newImage(t, Options{}, foreign, newLayer(t, "own", Gzip))}}))
	files, _ := untar(t, b.Bytes())
	if files["blobs/sha256/"+foreign.desc.Digest.Hex] != nil {
		t.Error("it is there")
	}
	if len(files) != 4+3 {
		t.Errorf("%d files", len(files))
	}
}

// An index of several platforms is one entry, with all its images behind it; Docker's own form has no place for it.
func TestWriteIndex(t *testing.T) {
	t.Parallel()
	l := newLayer(t, "a", Gzip)
	arm, err := New(configOf(t, "arm64", l), []v1.Layer{l}, Options{})
	must(t, err)
	index, err := Index([]Member{{Image: newImage(t, Options{}, l)}, {Image: arm, Annotations: map[string]string{"k": "v"}}}, false, nil)
	must(t, err)
	images := []Named{{Name: "app", Index: index}}
	dir := t.TempDir()
	must(t, WriteOCIFolder(t.Context(), dir, images))
	path, err := layout.FromPath(dir)
	must(t, err)
	top, err := path.ImageIndex()
	must(t, err)
	m, err := top.IndexManifest()
	must(t, err)
	inner, err := top.ImageIndex(m.Manifests[0].Digest)
	must(t, err)
	must(t, validate.Index(inner))
	found, err := inner.IndexManifest()
	must(t, err)
	var got []string
	for _, d := range found.Manifests {
		got = append(got, d.Platform.String()+d.Annotations["k"])
	}
	if strings.Join(got, " ") != "linux/amd64 linux/arm64v" && strings.Join(got, " ") != "linux/amd64 linux/arm64/v8v" {
		t.Errorf("platforms %v", got)
	}
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs/sha256"))
	must(t, err)
	if len(blobs) != 1+2*2+1 {
		t.Errorf("%d blobs, want an index, two manifests, two configs and one layer", len(blobs))
	}
	if err := WriteDocker(t.Context(), io.Discard, images); !errors.Is(err, errDockerIndex) {
		t.Errorf("as a docker archive: %v", err)
	}
}
