package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layerTar is the tar of a layer with one file.
func layerTar(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "f", Mode: 0o644, Size: int64(len(text)), ModTime: time.Unix(0, 0)}))
	_, err := io.WriteString(w, text)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func compressed(t testing.TB, data []byte, c Compression) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := Compress(&b, c)
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func hashOf(t testing.TB, data []byte) v1.Hash {
	t.Helper()
	h, _, err := v1.SHA256(bytes.NewReader(data))
	must(t, err)
	return h
}

// newLayer makes a layer with one file.
func newLayer(t testing.TB, text string, c Compression) v1.Layer {
	t.Helper()
	plain := layerTar(t, text)
	data := compressed(t, plain, c)
	desc := v1.Descriptor{MediaType: c.MediaType(), Digest: hashOf(t, data), Size: int64(len(data))}
	return Layer(desc, hashOf(t, plain), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
}

// configOf is the config of an image of some layers.
func configOf(t testing.TB, arch string, layers ...v1.Layer) []byte {
	t.Helper()
	file := v1.ConfigFile{
		OS: "linux", Architecture: arch, Created: v1.Time{Time: time.Unix(1, 0).UTC()},
		Config: v1.Config{Env: []string{"PATH=/bin"}, Cmd: []string{"/bin/sh"}}, RootFS: v1.RootFS{Type: "layers"},
	}
	for _, l := range layers {
		id, err := l.DiffID()
		must(t, err)
		file.RootFS.DiffIDs = append(file.RootFS.DiffIDs, id)
		file.History = append(file.History, v1.History{CreatedBy: "RUN true"})
	}
	data, err := json.Marshal(file)
	must(t, err)
	return data
}

func newImage(t testing.TB, o Options, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := New(configOf(t, "amd64", layers...), layers, o)
	must(t, err)
	return img
}

func withType(l v1.Layer, media types.MediaType) v1.Layer {
	own := *l.(*layer)
	own.desc.MediaType = media
	return &own
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
