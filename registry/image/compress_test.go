package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// What is compressed comes back, whatever its size.
func TestCompress(t *testing.T) {
	t.Parallel()
	random := make([]byte, 3<<20+17)
	r := rand.NewChaCha8([32]byte{})
	r.Read(random)
	for _, c := range []Compression{Gzip, Zstd, Uncompressed} {
		for name, text := range map[string]string{"nothing": "", "a little": "text", "a block": strings.Repeat("x", gzipBlock), "a lot": string(random)} {
			plain := layerTar(t, text)
			data := compressed(t, plain, c)
			z, err := Decompress(iotest.HalfReader(bytes.NewReader(data)), c.MediaType())
			must(t, err)
			got, err := io.ReadAll(z)
			must(t, err)
			must(t, z.Close())
			if !bytes.Equal(got, plain) {
				t.Errorf("%s, %s: other bytes", c, name)
			}
		}
	}
	if _, err := Compress(io.Discard, "lzma"); err == nil || !strings.Contains(err.Error(), `"lzma"`) {
		t.Errorf("error %v", err)
	}
}

// The digests of layers are to be the same on every machine, for ever: neither the number of processors nor the
// pieces that are written have a say.
func TestCompressGolden(t *testing.T) {
	plain := layerTar(t, strings.Repeat("The quick brown fox jumps over the lazy dog. ", 100_000))
	for c, want := range map[Compression]string{
		Gzip: "a1986beacdecaa07b881b47439c3dd9af1ec91ab7b0db4a47796bee787f138b4",
		Zstd: "588239bb140ee62b212c74ca110fe6ee5851048ece65bca56bf115a5895d68d4",
	} {
		for _, procs := range []int{1, 2, 7} {
			before := runtime.GOMAXPROCS(procs)
			var b bytes.Buffer
			w, err := Compress(&b, c)
			must(t, err)
			for rest := plain; len(rest) > 0; {
				n := min(len(rest), 1+len(plain)/(procs*3))
				_, err := w.Write(rest[:n])
				must(t, err)
				rest = rest[n:]
			}
			must(t, w.Close())
			runtime.GOMAXPROCS(before)
			if got := hashOf(t, b.Bytes()).Hex; got != want {
				t.Errorf("%s by %d processors: %s, want %s", c, procs, got, want)
			}
		}
	}
}

// The content tells, and not the media type, as long as that is a layer's.
func TestDecompressMediaTypes(t *testing.T) {
	t.Parallel()
	plain := layerTar(t, "text")
	for _, c := range []Compression{Gzip, Zstd, Uncompressed} {
		for _, media := range []types.MediaType{"", types.OCILayer, types.DockerLayer, types.OCILayerZStd, dockerZstd, types.OCIUncompressedLayer, types.DockerUncompressedLayer} {
			z, err := Decompress(bytes.NewReader(compressed(t, plain, c)), media)
			must(t, err)
			if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s as %s: %d bytes, %v", c, media, len(got), err)
			}
		}
	}
	for _, media := range []types.MediaType{types.OCIConfigJSON, types.OCIManifestSchema1, "text/html", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"} {
		_, err := Decompress(bytes.NewReader(plain), media)
		var no *NotLayer
		if !errors.As(err, &no) || no.MediaType != media || hint(err) == "" {
			t.Errorf("%s: error %v, hint %q", media, err, hint(err))
		}
	}
}

// What is no layer is refused by its first bytes; tars of every age are not.
func TestDecompressContent(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{"html": "<html>" + strings.Repeat(" ", 1000), "json": `{"errors":[]}`, "short": "x", "xz": "\xfd7zXZ\x00" + strings.Repeat("x", 600), "zip": "PK\x03\x04"} {
		_, err := Decompress(strings.NewReader(data), types.OCILayer)
		var no *Unreadable
		if !errors.As(err, &no) || !strings.HasPrefix(data, string(no.Start)) || len(no.Start) > 32 || hint(err) == "" {
			t.Errorf("%s: error %v", name, err)
		}
	}
	v7 := make([]byte, 1024)
	copy(v7, "f")
	copy(v7[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00")
	sum := 8 * int(' ')
	for _, b := range v7[:512] {
		sum += int(b)
	}
	copy(v7[148:], fmt.Sprintf("%06o\x00 ", sum))
	for name, data := range map[string]string{"nothing": "", "zeros": string(make([]byte, 1024)), "v7": string(v7), "posix": string(layerTar(t, "x"))} {
		r, err := Decompress(strings.NewReader(data), types.OCILayer)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != data {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// Several streams one after the other are one; zstd may begin with what is to be skipped.
func TestDecompressStreams(t *testing.T) {
	t.Parallel()
	plain := layerTar(t, "text")
	for _, c := range []Compression{Gzip, Zstd} {
		data := append(compressed(t, plain[:700], c), compressed(t, plain[700:], c)...)
		if c == Zstd {
			data = append([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00skip"), data...)
		}
		z, err := Decompress(bytes.NewReader(data), "")
		must(t, err)
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %d bytes, %v", c, len(got), err)
		}
	}
}

// Errors say whether the content is broken, or what it comes from.
func TestDecompressErrors(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	random := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(random)
	plain := layerTar(t, string(random))
	for _, c := range []Compression{Gzip, Zstd} {
		data := compressed(t, plain, c)
		read := func(r io.Reader) error {
			z, err := Decompress(r, "")
			if err != nil {
				return err
			}
			defer z.Close()
			_, err = io.Copy(io.Discard, z)
			return err
		}
		if err := read(bytes.NewReader(data[:len(data)/2])); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), string(c)+": the content is cut off: ") {
			t.Errorf("%s cut off: %v", c, err)
		}
		broken := bytes.Clone(data)
		broken[len(broken)-2] ^= 0xff
		if err := read(bytes.NewReader(broken)); err == nil || !strings.HasPrefix(err.Error(), string(c)+": ") {
			t.Errorf("%s damaged: %v", c, err)
		}
		if err := read(io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(lost))); !errors.Is(err, lost) || err.Error() != "connection lost" {
			t.Errorf("%s lost: %v", c, err)
		}
	}
	if _, err := Decompress(iotest.ErrReader(lost), ""); !errors.Is(err, lost) {
		t.Errorf("lost at once: %v", err)
	}
}
