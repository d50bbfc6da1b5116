package buildctx

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Dest over layers is to show what an overlay of them that is written to would show: the same lines are carried out
// on both, and everything that can be seen is compared.
func TestDestIsLikeAnOverlay(t *testing.T) {
	t.Parallel()
	for _, tt := range copyTests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			likeOverlay(t, folder(t, tt.src), tt.image, tt.line)
		})
	}
	for _, tt := range addTests {
		t.Run("ADD "+tt.name, func(t *testing.T) {
			t.Parallel()
			src := t.TempDir()
			must(t, os.WriteFile(filepath.Join(src, "a.tar"), archive(t, tt.tar), 0o644))
			likeOverlay(t, src, tt.image, tt.line)
		})
	}
	for _, tt := range []struct{ name, tar, image string }{
		{"a file over a folder, then a folder over it: it is empty", "d =1, d/ 711, d/f =2", "d/old =0, d/e/old =0"},
		{"the same, deeper", "x/d =1, x/d/, x/d/e/ 700", "x/d/e/old =0"},
		{"a folder over a file, then a file", "d/ 700, d/f =1, d =2", "d =0"},
		{"a hard link to what is below", "d/g == f", "f 4711 3:4 =1"},
		{"a hard link to a symlink and a FIFO below", "g == l, h == p", "l -> f, p| 600 3:4"},
		{"a symlink below, followed", "l/f =1", "l -> d, d/ 711 3:4, d/f =0"},
		{"a file over the file below", "f 600 =1", "f 4711 3:4 =0"},
		{"a folder over what is merged already", "d/f =1, d/ 700 3:4", "d/old =0"},
	} {
		t.Run("ADD "+tt.name, func(t *testing.T) {
			t.Parallel()
			src := t.TempDir()
			must(t, os.WriteFile(filepath.Join(src, "a.tar"), archive(t, tt.tar), 0o644))
			likeOverlay(t, src, tt.image, "ADD a.tar /")
		})
	}
}

// likeOverlay carries out a line on an overlay and on a Dest.
func likeOverlay(t *testing.T, src, image, line string) {
	t.Helper()
	below, viaMount, direct := folder(t, image), folder(t, ""), folder(t, "")
	for _, path := range []string{viaMount, direct} {
		must(t, setTime(path, old))
	}
	was := everything(t, below)
	mnt := overlay(t, viaMount, below)
	werr := run(t, src, mnt, line)
	must(t, unix.Unmount(mnt, 0))
	want := everything(t, overlay(t, "", viaMount, below))
	derr := runOver(t, src, direct, below, line)
	if (werr == nil) != (derr == nil) || werr != nil && werr.Error() != derr.Error() {
		t.Fatalf("%s:\non an overlay %v\ndirectly      %v", line, werr, derr)
	}
	if got := everything(t, overlay(t, "", direct, below)); werr == nil && got != want {
		t.Errorf("%s on %s\n got %s\nwant %s", line, image, got, want)
	}
	if now := everything(t, below); now != was {
		t.Errorf("what is below has changed: %s", now)
	}
}

// overlay mounts layers, the topmost first, below an upper folder that gets the changes, if there is one.
func overlay(t *testing.T, upper string, lowers ...string) string {
	t.Helper()
	mnt := t.TempDir()
	for i, dir := range lowers {
		lowers[i] = byNumber(t, dir)
	}
	options := "userxattr,index=off,lowerdir=" + strings.Join(lowers, ":")
	if upper != "" {
		options += ",upperdir=" + byNumber(t, upper) + ",workdir=" + byNumber(t, t.TempDir())
	}
	must(t, unix.Mount("overlay", mnt, "overlay", 0, options))
	t.Cleanup(func() { _ = unix.Unmount(mnt, 0) })
	return mnt
}

// byNumber is a path without colons and commas.
func byNumber(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Open(dir)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return fmt.Sprintf("/proc/self/fd/%d", f.Fd())
}

// everything is what look shows, and the times.
func everything(t *testing.T, root string) string {
	t.Helper()
	s := look(t, root)
	must(t, filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		when := "now"
		if at := mtime(t, p); time.Since(at) > time.Hour {
			when = at.Format(time.RFC3339Nano)
		}
		s += "\n" + strings.TrimPrefix(p, root) + " " + when
		return err
	}))
	return s
}

// What is copied into folders that are below brings these along as they are, and no others.
func TestDestRaises(t *testing.T) {
	t.Parallel()
	below, layer := folder(t, "a/ 2751 3:4, a/b/ 711 5:6, a/c/, a/b/f =0, z/"), folder(t, "")
	must(t, unix.Setxattr(filepath.Join(below, "a/b"), "user.mine", []byte("x"), 0))
	must(t, unix.Setxattr(filepath.Join(below, "a/b"), "user.overlay.origin", []byte("x"), 0))
	must(t, runOver(t, folder(t, "f =1"), layer, below, "COPY f /a/b/g"))
	if got := look(t, layer); got != "a/ 2751 3:4, a/b/ 711 5:6, a/b/g =1" {
		t.Errorf("got %s", got)
	}
	if got := mtime(t, filepath.Join(layer, "a")); !got.Equal(old) {
		t.Errorf("the folder above what has changed is of %v", got)
	}
	buf := make([]byte, 64)
	if n, err := unix.Listxattr(filepath.Join(layer, "a/b"), buf); err != nil || string(buf[:n]) != "user.mine\x00" {
		t.Errorf("attributes %q, %v", buf[:n], err)
	}
}
