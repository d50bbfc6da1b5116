package buildctx

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"
)

// archive makes a tar of a list such as plant takes, in its order; names are taken as they are.
func archive(t testing.TB, list string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for item := range strings.SplitSeq(list, ", ") {
		h, text := header(item)
		must(t, w.WriteHeader(h))
		_, err := io.WriteString(w, text)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func header(item string) (*tar.Header, string) {
	name, rest, _ := strings.Cut(item, " ")
	h := &tar.Header{Name: name, Mode: 0o644, ModTime: old, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	if target, ok := strings.CutPrefix(rest, "-> "); ok {
		h.Typeflag, h.Linkname = tar.TypeSymlink, target
		return h, ""
	}
	if target, ok := strings.CutPrefix(rest, "== "); ok {
		h.Typeflag, h.Linkname = tar.TypeLink, target
		return h, ""
	}
	attributes, text, _ := strings.Cut(rest, "=")
	switch {
	case strings.HasSuffix(name, "/"):
		h.Typeflag, h.Mode = tar.TypeDir, 0o755
	case strings.HasSuffix(name, "|"):
		h.Typeflag, h.Name = tar.TypeFifo, strings.TrimSuffix(name, "|")
	case strings.HasSuffix(name, "!"):
		h.Typeflag, h.Name, h.Devmajor, h.Devminor = tar.TypeChar, strings.TrimSuffix(name, "!"), 1, 3
	default:
		h.Size = int64(len(text))
	}
	for word := range strings.FieldsSeq(attributes) {
		format, into := "%o", []any{&h.Mode}
		if strings.Contains(word, ":") {
			format, into = "%d:%d", []any{&h.Uid, &h.Gid}
		}
		if _, err := fmt.Sscanf(word, format, into...); err != nil {
			panic(err)
		}
	}
	return h, text
}

var addTests = []struct{ name, image, tar, line, want string }{
	{"files, folders, links", "", "d/ 700 3:4, d/f 4711 3:4 =1, d/l -> f, p| 620", "ADD a.tar /x", "x/, x/d/ 700 3:4, x/d/f 4711 3:4 =1, x/d/l -> f, x/p| 620"},
	{"folders that are not named", "", "d/e/f =1", "ADD a.tar /x/", "x/, x/d/, x/d/e/, x/d/e/f =1"},
	{"into a folder that is there", "x/old =0, x/d/ 700 3:4", "d/f =1", "ADD a.tar /x", "x/, x/d/ 700 3:4, x/d/f =1, x/old =0"},
	{"its . is not for the destination", "x/ 700 3:4", "./ 777 5:5, ./f =1", "ADD a.tar /x", "x/ 700 3:4, x/f =1"},
	{"chown", "", "d/ 3:4, d/f 4711 =1, d/l -> f", "ADD --chown=7:8 a.tar /x", "x/ 7:8, x/d/ 7:8, x/d/f 4711 7:8 =1, x/d/l 7:8 -> f"},
	{"chmod has no say", "", "f 4711 =1", "ADD --chmod=600 a.tar /x/", "x/, x/f 4711 =1"},
	{"later entries win", "", "f =1, f =2, d =1, d/, e/x =1, e =2", "ADD a.tar /", "d/, e =2, f =2"},
	{"a folder gives way to a file, a file to a folder", "f/x =old, d =old", "f =1, d/", "ADD a.tar /", "d/, f =1"},
	{"device nodes are left out", "", "null!, f =1", "ADD a.tar /", "f =1"},
	{"into the root", "", "f =1", "ADD a.tar /", "f =1"},
	{"COPY does not unpack", "", "f =1", "COPY a.tar /b/", "b/, b/a.tar"},

	// Nothing leads out.
	{"names with ..", "", "../../f =1, x/../../g =2, /abs =3", "ADD a.tar /d/", "d/, d/abs =3, d/f =1, d/g =2"},
	{"its own link to above", "", "l -> ../../.., l/f =1", "ADD a.tar /d/", "d/, d/f =1, d/l -> ../../.."},
	{"its own absolute link", "", "etc/, l -> /etc, l/f =1", "ADD a.tar /d/", "d/, d/etc/, d/etc/f =1, d/l -> /etc"},
	{"the image's link", "d/etc/, d/l -> /etc", "l/e/f =1", "ADD a.tar /d/", "d/, d/etc/, d/etc/e/, d/etc/e/f =1, d/l -> /etc"},
	{"a file over a link", "l -> f, f =old", "l =1", "ADD a.tar /", "f =old, l =1"},
	{"a folder over a link", "l -> d, d/", "l/ 700", "ADD a.tar /", "d/, l/ 700"},
	{"a link's metadata is the file's", "", "f 4711 3:4 =1, g == f", "ADD a.tar /", "f =1, g == f"},
	{"hard link by .. and by an absolute name", "", "f =1, g == ../../f, h == /f", "ADD a.tar /d/", "d/, d/f =1, d/g == d/f, d/h == d/f"},
}

// What ADD makes of an archive.
func TestAddArchive(t *testing.T) {
	t.Parallel()
	for _, tt := range addTests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src, root := t.TempDir(), folder(t, tt.image)
			data := archive(t, tt.tar)
			must(t, os.WriteFile(filepath.Join(src, "a.tar"), data, 0o644))
			must(t, run(t, src, root, tt.line))
			got := strings.ReplaceAll(look(t, root), " ="+string(data), "")
			if got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Compression is known by content, not by name.
func TestAddCompressed(t *testing.T) {
	t.Parallel()
	plain := archive(t, "f =1")
	var gz, zst bytes.Buffer
	g := gzip.NewWriter(&gz)
	_, err := g.Write(plain)
	must(t, err)
	must(t, g.Close())
	z, err := zstd.NewWriter(&zst)
	must(t, err)
	_, err = z.Write(plain)
	must(t, err)
	must(t, z.Close())
	var xzs bytes.Buffer
	x, err := xz.NewWriter(&xzs)
	must(t, err)
	_, err = x.Write(plain)
	must(t, err)
	must(t, x.Close())
	for name, data := range map[string][]byte{"plain": plain, "gzip": gz.Bytes(), "zstd": zst.Bytes(), "xz": xzs.Bytes()} {
		src, root := t.TempDir(), t.TempDir()
		must(t, os.WriteFile(filepath.Join(src, "a"), data, 0o644))
		must(t, run(t, src, root, "ADD a /d"))
		if got := look(t, root); got != "d/, d/f =1" {
			t.Errorf("%s: %s", name, got)
		}
	}
	src, root := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(src, "a.xz"), []byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x01"), 0o644)) // two filters
	if err := run(t, src, root, "ADD a.xz /d"); err == nil || !strings.Contains(hint(err), "tar -xJf") {
		t.Errorf("xz with filters: %v, hint %q", err, hint(err))
	}
}

// What is no archive, or one of nothing, is a file like any other.
func TestAddNoArchive(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"text": "hello", "empty": "", "empty tar": string(make([]byte, 1024)),
		"gzip of something else": "\x1f\x8b\x08junk", "zstd junk": "\x28\xb5\x2f\xfdjunkjunk", "bzip2 junk": "BZhjunk",
	} {
		src, root := t.TempDir(), t.TempDir()
		must(t, os.WriteFile(filepath.Join(src, "a.tar"), []byte(data), 0o644))
		must(t, run(t, src, root, "ADD a.tar /b"))
		if got, err := os.ReadFile(filepath.Join(root, "b")); err != nil || string(got) != data {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A broken archive is an error that names it.
func TestAddBroken(t *testing.T) {
	t.Parallel()
	good := archive(t, "f =1234, g =5678")
	for name, tt := range map[string]struct {
		data []byte
		err  string
	}{
		"cut off in a file":   {good[:3*512+2], "a.tar: unpack the archive: "},
		"cut off in a header": {good[:4*512+100], "a.tar: unpack the archive: "},
		"link to nothing":     {archive(t, "f == nothing"), `"f" is a hard link to "nothing", which is not there`},
		"replaces everything": {archive(t, "/ -> /etc"), "would replace the destination itself"},
		"file as a folder":    {archive(t, "f =1, f/g =2"), "/f: is not a folder"},
	} {
		src, root := t.TempDir(), t.TempDir()
		must(t, os.WriteFile(filepath.Join(src, "a.tar"), tt.data, 0o644))
		if err := run(t, src, root, "ADD a.tar /"); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want %q", name, err, tt.err)
		}
	}
}

func TestAddTimesAndCapabilities(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h, _ := header("d/")
	must(t, w.WriteHeader(h))
	h, _ = header("d/f 755")
	h.PAXRecords = map[string]string{"SCHILY.xattr." + capabilityAttr: ping, "SCHILY.xattr.user.note": "x"}
	must(t, w.WriteHeader(h))
	must(t, w.Close())
	src, root := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(src, "a.tar"), b.Bytes(), 0o644))
	must(t, run(t, src, root, "ADD a.tar /"))
	for _, name := range []string{"d", "d/f"} {
		if got := mtime(t, filepath.Join(root, name)); !got.Equal(old) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := xattrs(t, filepath.Join(root, "d/f")); got != capabilityAttr {
		t.Errorf("attributes %q", got)
	}
}

// FuzzAdd: whatever is in an archive, nothing outside the destination's root changes.
func FuzzAdd(f *testing.F) {
	for _, list := range []string{"d/f =1, l -> /d, l/g =2", "../f =1, h == ../f", "l -> .., l/l -> .., l/l/x =1", "f =1, f/, f/x =2"} {
		f.Add(archive(f, list))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		top := t.TempDir()
		plant(t, top, "root/d/f =0, root/out -> ../outside, outside/kept =1, src/")
		must(t, os.WriteFile(filepath.Join(top, "src/a.tar"), data, 0o644))
		_ = run(t, filepath.Join(top, "src"), filepath.Join(top, "root"), "ADD a.tar /d/")
		if got := look(t, filepath.Join(top, "outside")); got != "kept =1" {
			t.Errorf("outside: %s", got)
		}
		names, err := os.ReadDir(top)
		must(t, err)
		if len(names) != 3 {
			t.Errorf("beside the root: %v", names)
		}
		var st unix.Stat_t
		must(t, unix.Stat(filepath.Join(top, "outside"), &st))
		if st.Mode&0o7777 != 0o755 || st.Mtim.Sec != old.Unix() {
			t.Error("the folder outside was touched")
		}
	})
}
