package conformance

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// image is an image with its layers flattened.
type image struct {
	config dockerspec.DockerOCIImage
	layers int
	files  map[string]*file // by clean path without a slash in front
}

// file is what an image says of a file. Hard links of one file share one value.
type file struct {
	header  *tar.Header
	content string // of a regular file: size and digest
	names   []string
}

// readImage reads the one image of an OCI or docker archive.
func readImage(archive string) (*image, error) {
	parts, err := readArchive(archive)
	if err != nil {
		return nil, err
	}
	config, layers, err := manifest(parts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	img := &image{files: map[string]*file{}, layers: len(layers)}
	if err := json.Unmarshal(config, &img.config); err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	for i, l := range layers {
		if err := img.apply(l); err != nil {
			return nil, fmt.Errorf("%s: layer %d: %w", archive, i, err)
		}
	}
	return img, nil
}

func readArchive(name string) (map[string][]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	parts := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg {
			if parts[h.Name], err = io.ReadAll(r); err != nil {
				return nil, err
			}
		}
	}
}

// manifest finds the configuration and the layers: by manifest.json if there is one, else by index.json.
func manifest(parts map[string][]byte) (config []byte, layers [][]byte, err error) {
	if raw, ok := parts["manifest.json"]; ok {
		var list []struct {
			Config string
			Layers []string
		}
		if err := json.Unmarshal(raw, &list); err != nil || len(list) != 1 {
			return nil, nil, fmt.Errorf("manifest.json with %d images: %v", len(list), err)
		}
		for _, l := range list[0].Layers {
			layers = append(layers, parts[l])
		}
		return parts[list[0].Config], layers, nil
	}
	blob := func(d ocispec.Descriptor) []byte { return parts["blobs/sha256/"+d.Digest.Encoded()] }
	var index ocispec.Index
	if err := json.Unmarshal(parts["index.json"], &index); err != nil || len(index.Manifests) != 1 {
		return nil, nil, fmt.Errorf("index.json with %d images: %v", len(index.Manifests), err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(blob(index.Manifests[0]), &m); err != nil {
		return nil, nil, err
	}
	for _, l := range m.Layers {
		layers = append(layers, blob(l))
	}
	return blob(m.Config), layers, nil
}

func (img *image) apply(layer []byte) error {
	var r io.Reader = bytes.NewReader(layer)
	if bytes.HasPrefix(layer, []byte{0x1f, 0x8b}) {
		zr, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		r = zr
	}
	fresh := map[string]bool{} // paths of this layer: an opaque marker does not hide them
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		dir, base := path.Split(name)
		if base == ".wh..wh..opq" {
			img.remove(path.Clean(dir), fresh)
			continue
		}
		if gone, ok := strings.CutPrefix(base, ".wh."); ok {
			img.drop(path.Join(dir, gone))
			continue
		}
		fresh[name] = true
		if err := img.put(name, h, tr); err != nil {
			return err
		}
	}
}

func (img *image) put(name string, h *tar.Header, r io.Reader) error {
	if old := img.files[name]; old != nil && (h.Typeflag != tar.TypeDir || old.header.Typeflag != tar.TypeDir) {
		img.drop(name)
	}
	if h.Typeflag == tar.TypeLink {
		target := img.files[strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")]
		if target == nil {
			return fmt.Errorf("%s is a link to %s, which is not there", name, h.Linkname)
		}
		target.names = append(target.names, name)
		img.files[name] = target
		return nil
	}
	f := &file{header: h, names: []string{name}}
	if h.Typeflag == tar.TypeReg {
		sum := sha256.New()
		n, err := io.Copy(sum, r)
		if err != nil {
			return err
		}
		f.content = fmt.Sprintf("%d %s", n, hex.EncodeToString(sum.Sum(nil))[:12])
	}
	img.files[name] = f
	return nil
}

// drop removes a file, or a folder with all that is in it.
func (img *image) drop(name string) {
	img.remove(name, nil)
	img.forget(name)
}

// remove removes what is in a folder.
func (img *image) remove(dir string, but map[string]bool) {
	for name := range img.files {
		if (dir == "." || strings.HasPrefix(name, dir+"/")) && !but[name] {
			img.forget(name)
		}
	}
}

func (img *image) forget(name string) {
	if f := img.files[name]; f != nil {
		f.names = slices.DeleteFunc(f.names, func(n string) bool { return n == name })
		delete(img.files, name)
	}
}

// contextTime is the modification time of every file in a build context.
var contextTime = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

// baseTime is when the base was made: what adds no layer to it has its time.
var baseTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// line is a file on one line: with all, with the time of a folder too, which podman does not copy from a source.
func (f *file) line(all bool) string {
	h := f.header
	kind := map[byte]string{
		tar.TypeReg: "file", tar.TypeDir: "dir", tar.TypeSymlink: "link", tar.TypeFifo: "fifo", tar.TypeChar: "char", tar.TypeBlock: "block",
	}[h.Typeflag]
	text := fmt.Sprintf("%s %04o %d:%d", kind, h.Mode&0o7777, h.Uid, h.Gid)
	if f.content != "" {
		text += " " + f.content
	}
	if h.Typeflag == tar.TypeSymlink {
		text += " -> " + h.Linkname
	}
	if h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock {
		text += fmt.Sprintf(" %d,%d", h.Devmajor, h.Devminor)
	}
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		if name, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok {
			text += fmt.Sprintf(" %s=%x", name, h.PAXRecords[key])
		}
	}
	if len(f.names) > 1 {
		text += " = " + strings.Join(slices.Sorted(slices.Values(f.names)), " = ")
	}
	if h.Typeflag == tar.TypeDir && !all {
		return text
	}
	return text + told(h.ModTime)
}

// told is a time as text, unless it is that of the build.
func told(t time.Time) string {
	if t.Year() < 2020 {
		return " " + t.UTC().Format("2006-01-02T15:04:05")
	}
	return ""
}

// text is what makes the image another one than its base. With all, it has the history and the number of layers
// too, which podman has its own ideas of.
func (img *image) text(base *image, all bool) string {
	var out strings.Builder
	img.configText(&out, all)
	if all {
		for _, h := range img.config.History[min(len(base.config.History), len(img.config.History)):] {
			more := ""
			if h.EmptyLayer {
				more = " (empty)"
			}
			if h.Created != nil && h.Created.After(baseTime) {
				more += told(*h.Created)
			}
			fmt.Fprintf(&out, "history %q%s\n", h.CreatedBy, more)
		}
		if created := img.config.Created; created != nil && created.After(baseTime) && told(*created) != "" {
			fmt.Fprintf(&out, "created%s\n", told(*created))
		}
		fmt.Fprintf(&out, "layers %d\n", img.layers-base.layers)
	}
	names := slices.Collect(maps.Keys(img.files))
	for name := range base.files {
		if img.files[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		is, was := img.files[name], base.files[name]
		switch {
		case is == nil:
			if base.files[path.Dir(name)] == nil || img.files[path.Dir(name)] != nil || path.Dir(name) == "." {
				fmt.Fprintf(&out, "- /%s\n", name)
			}
		case was == nil || was.line(all) != is.line(all):
			fmt.Fprintf(&out, "+ /%s %s\n", name, is.line(all))
		}
	}
	return out.String()
}

// configText writes the configuration, a line for each field that is set.
func (img *image) configText(out *strings.Builder, all bool) {
	raw, _ := json.Marshal(img.config)
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(raw, &fields)
	var inner map[string]json.RawMessage
	_ = json.Unmarshal(fields["config"], &inner)
	if !all {
		delete(inner, "ArgsEscaped")
		if string(inner["WorkingDir"]) == `"/"` {
			delete(inner, "WorkingDir") // podman does not name the default
		}
	}
	for _, name := range slices.Sorted(maps.Keys(inner)) {
		if value := string(inner[name]); value != "null" && value != `""` && value != "{}" && value != "[]" {
			fmt.Fprintf(out, "%s %s\n", name, value)
		}
	}
	for _, name := range []string{"architecture", "author", "os", "variant"} {
		if value := string(fields[name]); value != "" && value != `""` {
			fmt.Fprintf(out, "%s %s\n", name, value)
		}
	}
}
