package userland

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/user"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A file is an entry of the layer with its content.
type file struct {
	tar.Header
	text string
}

func read(t *testing.T, data []byte) (files map[string]file, order []string) {
	t.Helper()
	files = map[string]file{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files, order
		}
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		if _, twice := files[h.Name]; twice {
			t.Errorf("%s is there twice", h.Name)
		}
		files[h.Name] = file{*h, string(text)}
		order = append(order, h.Name)
	}
}

// layer is the layer with a small program in the place of the real one.
func layer(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, writeTar(&b, []byte("program"), [][]byte{[]byte("sh"), []byte("ls")}))
	return b.Bytes()
}

// The same input gives the same bytes for ever: the digest is part of images. If this fails on purpose, count
// layout up.
func TestGolden(t *testing.T) {
	t.Parallel()
	const want = "9c75a4de088dfd3c8bb883de608afd497168f0bf67e91bece04a146b263fab90"
	if got := fmt.Sprintf("%x", sha256.Sum256(layer(t))); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestLayer(t *testing.T) {
	t.Parallel()
	files, order := read(t, layer(t))
	for i, name := range order {
		f := files[name]
		if dir := path.Dir(strings.TrimSuffix(name, "/")) + "/"; dir != "./" && !slices.Contains(order[:i], dir) {
			t.Errorf("%s comes before the folder that it is in", name)
		}
		if !f.ModTime.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) || f.Uname != "" || f.Gname != "" {
			t.Errorf("%s: time %v, names %q, %q", name, f.ModTime, f.Uname, f.Gname)
		}
		if own := strings.HasPrefix(name, "home/user/"); own != (f.Uid == 1000 && f.Gid == 1000) || !own && f.Uid+f.Gid != 0 {
			t.Errorf("%s: owner %d:%d", name, f.Uid, f.Gid)
		}
	}
	for name, want := range map[string]string{"bin/sh": "toybox", "bin/ls": "toybox", "sbin": "bin", "usr/bin": "../bin", "usr/sbin": "../bin"} {
		if f := files[name]; f.Typeflag != tar.TypeSymlink || f.Linkname != want {
			t.Errorf("%s is %c -> %q", name, f.Typeflag, f.Linkname)
		}
	}
	for name, mode := range map[string]int64{"tmp/": 0o1777, "var/tmp/": 0o1777, "root/": 0o700, "bin/toybox": 0o755, "etc/passwd": 0o644, "proc/": 0o555, "dev/": 0o755} {
		if f, ok := files[name]; !ok || f.Mode != mode {
			t.Errorf("%s: there %t, mode %o, want %o", name, ok, f.Mode, mode)
		}
	}
	if files["bin/toybox"].text != "program" {
		t.Errorf("the program is %q", files["bin/toybox"].text)
	}
}

// Users have groups, and the homes and shells that they have are in the layer.
func TestUsers(t *testing.T) {
	t.Parallel()
	files, _ := read(t, layer(t))
	users, err := user.ParsePasswd(strings.NewReader(files["etc/passwd"].text))
	must(t, err)
	groups, err := user.ParseGroup(strings.NewReader(files["etc/group"].text))
	must(t, err)
	var names []string
	for _, u := range users {
		names = append(names, fmt.Sprintf("%s:%d:%d", u.Name, u.Uid, u.Gid))
		if !slices.ContainsFunc(groups, func(g user.Group) bool { return g.Gid == u.Gid }) {
			t.Errorf("%s has no group %d", u.Name, u.Gid)
		}
		if _, ok := files[strings.TrimPrefix(u.Home, "/")+"/"]; !ok && u.Home != "/nonexistent" {
			t.Errorf("%s has no home %s", u.Name, u.Home)
		}
	}
	if diff := cmp.Diff([]string{"root:0:0", "user:1000:1000", "nobody:65534:65534"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(groups, func(g user.Group) bool { return g.Name == "tty" && g.Gid == 5 }) {
		t.Error("no group tty of gid 5, which owns terminals")
	}
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	if err := writeTar(failing{full}, nil, nil); !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "write bin/ of the userland: ") {
		t.Errorf("error %v", err)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// The embedded layer is what its names say. Without one every answer is ErrMissing, with advice.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	version, err := Version()
	if errors.Is(err, ErrMissing) {
		_, id := DiffID()
		for _, err := range []error{err, id, Write(io.Discard)} {
			var h interface{ Hint() string }
			if !errors.Is(err, ErrMissing) || !errors.As(err, &h) || h.Hint() == "" {
				t.Errorf("error %v", err)
			}
		}
		return
	}
	must(t, err)
	if !regexp.MustCompile(`^\d+-[0-9a-f]{12}$`).MatchString(version) {
		t.Errorf("version %q", version)
	}
	var one, two bytes.Buffer
	must(t, Write(&one))
	must(t, Write(&two))
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("a second time it is another")
	}
	id, err := DiffID()
	must(t, err)
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(one.Bytes())); id != want {
		t.Errorf("diff ID %s, want %s", id, want)
	}
	files, _ := read(t, one.Bytes())
	for _, name := range []string{"sh", "ls", "cat", "true"} {
		if files["bin/"+name].Linkname != "toybox" {
			t.Errorf("there is no %s", name)
		}
	}
	if !strings.HasPrefix(files["bin/toybox"].text, "\x7fELF") {
		t.Error("the program is none")
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	data, err := Config()
	must(t, err)
	var config ocispec.Image
	must(t, json.Unmarshal(data, &config))
	if config.OS != "linux" || config.Architecture != runtime.GOARCH || !slices.Equal(config.Config.Env, []string{"PATH=" + Path}) ||
		!slices.Equal(config.Config.Cmd, []string{"/bin/sh"}) || !config.Created.Equal(mtime) || len(config.History) != 1 {
		t.Errorf("config %s", data)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
