package buildctx

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ping is what setcap cap_net_raw+ep stores.
const ping = "\x01\x00\x00\x02\x00\x20" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// Of extended attributes only capabilities get into an image, and they only from a stage.
func TestCopyXattrs(t *testing.T) {
	t.Parallel()
	src := folder(t, "x/a 755 =1, x/b =2")
	a := filepath.Join(src, "x/a")
	must(t, unix.Setxattr(a, "user.note", []byte("x"), 0))
	must(t, unix.Setxattr(filepath.Join(src, "x"), "user.note", []byte("x"), 0))
	must(t, unix.Setxattr(a, capabilityAttr, []byte(ping), 0))
	for line, want := range map[string]string{
		"COPY x /":                       "",
		"COPY x/a /a":                    "",
		"COPY --from=s x /":              capabilityAttr,
		"COPY --from=s x/a /a":           capabilityAttr,
		"COPY --from=s --chown=3:4 x /":  capabilityAttr,
		"COPY --from=s --chmod=4711 x /": capabilityAttr,
	} {
		root := t.TempDir()
		must(t, run(t, src, root, line))
		if got := xattrs(t, filepath.Join(root, "a")); got != want {
			t.Errorf("%s: attributes %q, want %q", line, got, want)
		}
		if got := xattrs(t, root); got != "" {
			t.Errorf("%s: the folder has %q", line, got)
		}
	}
}

func xattrs(t *testing.T, path string) string {
	t.Helper()
	var list [4096]byte
	n, err := unix.Llistxattr(path, list[:])
	must(t, err)
	keys := strings.Split(strings.Trim(string(list[:n]), "\x00"), "\x00")
	return strings.TrimPrefix(strings.Join(keys, " "), "security.selinux")
}

// Files, symlinks and folders have their source's time, the destination's folder too; folders made on the
// way have the present, as have those that only come along, and what the context's own folder is copied to.
func TestCopyTimes(t *testing.T) {
	t.Parallel()
	start := time.Now().Add(-time.Minute)
	src := folder(t, "x/a =1, x/l -> a, x/p|, x/y/z/b =2, x/h == x/a")
	root := folder(t, "d/kept =, d/y/kept =")
	fine := time.Date(2019, 1, 2, 3, 4, 5, 987654321, time.UTC)
	must(t, setTime(filepath.Join(root, "d/kept"), fine))
	must(t, setTime(filepath.Join(src, "x/y"), fine))
	must(t, run(t, src, root, "COPY x /d"))
	must(t, run(t, src, root, "COPY x/a /new/a"))
	must(t, run(t, src, root, "COPY --parents x/y/z/b /par/"))
	for name, want := range map[string]time.Time{
		"d": old, "d/a": old, "d/l": old, "d/p": old, "d/h": old, "d/y": fine, "d/y/z": old, "d/y/z/b": old,
		"d/kept": fine, "new/a": old, "par/x/y/z/b": old,
	} {
		if got := mtime(t, filepath.Join(root, name)); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	must(t, setTime(src, fine))
	must(t, run(t, src, root, "COPY . /all"))
	for _, name := range []string{"new", "par", "par/x", "par/x/y", "par/x/y/z", "all"} {
		if got := mtime(t, filepath.Join(root, name)); got.Before(start) {
			t.Errorf("%s: %v, want now", name, got)
		}
	}
}

// Holes stay holes, and what is large comes whole.
func TestCopyLarge(t *testing.T) {
	t.Parallel()
	src, root := folder(t, "x/small ="), t.TempDir()
	big := bytes.Repeat([]byte("0123456789abcdef"), 300<<10/16+7)
	must(t, os.WriteFile(filepath.Join(src, "x/big"), big, 0o644))
	f, err := os.Create(filepath.Join(src, "x/sparse"))
	must(t, err)
	_, err = f.WriteAt([]byte("data"), 32<<20)
	must(t, err)
	must(t, f.Truncate(64<<20))
	must(t, f.Close())
	must(t, run(t, src, root, "COPY x /"))
	if got, err := os.ReadFile(filepath.Join(root, "big")); err != nil || !bytes.Equal(got, big) {
		t.Errorf("big: %d bytes, %v", len(got), err)
	}
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(root, "sparse"), &st))
	if st.Size != 64<<20 || st.Blocks*512 > 1<<20 {
		t.Errorf("sparse: %d bytes, %d on disk", st.Size, st.Blocks*512)
	}
	got, err := os.ReadFile(filepath.Join(root, "sparse"))
	must(t, err)
	if string(got[32<<20:32<<20+4]) != "data" || len(bytes.Trim(got, "\x00")) != 4 {
		t.Error("sparse: other content")
	}
}

// A folder of many files on several levels, more than the workers may have waiting.
func TestCopyMany(t *testing.T) {
	t.Parallel()
	src, root := t.TempDir(), t.TempDir()
	tree(t, src, 2000, 1<<20)
	must(t, run(t, src, root, "COPY . /d"))
	if look(t, src) != look(t, filepath.Join(root, "d")) {
		t.Error("not the same")
	}
}

// A socket becomes an empty file.
func TestCopySocket(t *testing.T) {
	t.Parallel()
	// A socket's path is short: it is bound relative to its folder.
	dir, err := os.MkdirTemp("/tmp", "s")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	defer l.Close()
	must(t, os.Chmod(filepath.Join(dir, "s"), 0o644))
	root := t.TempDir()
	must(t, run(t, dir, root, "COPY . /"))
	if got := look(t, root); got != "s =" {
		t.Errorf("got %s", got)
	}
}

func TestCopyCanceled(t *testing.T) {
	t.Parallel()
	src := folder(t, "x/a =1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := openContext(t, src, Options{})
	m, err := c.Find([]string{"x"}, FindOptions{})
	must(t, err)
	if err := Copy(ctx, c, m, t.TempDir(), "/", CopyOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Copy: %v", err)
	}
	if _, err := c.Digest(ctx, m); !errors.Is(err, context.Canceled) {
		t.Errorf("Digest: %v", err)
	}
}

// A heredoc is a file of its own name and of mode 0644.
func TestWriteFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		image, dest string
		o           CopyOptions
		want        string
	}{
		{"", "/b", CopyOptions{}, "b =text"},
		{"", "/d/", CopyOptions{}, "d/, d/EOF =text"},
		{"d/", "/d", CopyOptions{}, "d/, d/EOF =text"},
		{"f =old, l -> f", "/l", CopyOptions{}, "f =text, l -> f"},
		{"", "/p/b", CopyOptions{Owner: &Owner{3, 4}, Mode: "700"}, "p/ 700 3:4, p/b 700 3:4 =text"},
	} {
		root := folder(t, tt.image)
		must(t, writeFile(t, root, tt.dest, "text", tt.o))
		if got := look(t, root); got != tt.want {
			t.Errorf("%s in %q:\n got %s\nwant %s", tt.dest, tt.image, got, tt.want)
		}
	}
	if err := writeFile(t, folder(t, "d/EOF/"), "/d", "", CopyOptions{}); err == nil || hint(err) == "" {
		t.Errorf("over a folder: %v, hint %q", err, hint(err))
	}
}

func writeFile(t testing.TB, root, dest, text string, o CopyOptions) error {
	t.Helper()
	d, err := OpenDest(root, "")
	must(t, err)
	defer d.Close()
	return d.WriteFile(dest, "EOF", []byte(text), o)
}

// An owner that cannot be had names the range of ids that was given.
func TestCopyOwnerOutOfRange(t *testing.T) {
	t.Parallel()
	src := folder(t, "a =1")
	err := run(t, src, t.TempDir(), "COPY --chown=3000000000:0 a /b")
	if err == nil {
		t.Skip("every id exists here")
	}
	if !strings.Contains(err.Error(), "/b: set the owner") || !strings.Contains(hint(err), "/etc/subuid") {
		t.Errorf("error %v\nhint %s", err, hint(err))
	}
}
