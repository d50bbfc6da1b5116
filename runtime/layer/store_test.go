package layer

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/rootfs"
)

func openStore(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	must(t, err)
	return s
}

// A draft becomes a layer, and stays one for those who open the store later.
func TestStore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new/store")
	s := openStore(t, dir)
	if _, there, err := s.Get("id"); there || err != nil {
		t.Errorf("before: %t, %v", there, err)
	}
	d, err := s.Draft()
	must(t, err)
	_, err = Apply(t.Context(), bytes.NewReader(makeTar(t, file("f", "1"))), d.Dir)
	must(t, err)
	if _, there, _ := s.Get("id"); there {
		t.Error("a draft is a layer already")
	}
	l, err := d.Commit("id")
	must(t, err)
	must(t, s.Close())
	s = openStore(t, dir)
	defer s.Close()
	again, there, err := s.Get("id")
	must(t, err)
	if !there || again != l {
		t.Errorf("got %v, %t, want %v", again, there, l)
	}
	if got := look(t, l.Dir); len(got) != 1 || !strings.HasPrefix(got[0], "f ") {
		t.Errorf("the layer holds %q", got)
	}
	fi, err := os.Stat(l.Dir)
	must(t, err)
	if fi.Mode().Perm() != 0o755 {
		t.Errorf("its mode is %v: that of the image's /", fi.Mode())
	}
	if fi, err = os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the store's mode is %v, %v: its setuid programs are for nobody else", fi.Mode(), err)
	}
}

// Of many who make one layer at once, one wins and all have it.
func TestStoreCommitAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			s, err := Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			d, err := s.Draft()
			if err != nil {
				t.Error(err)
				return
			}
			if err := os.WriteFile(filepath.Join(d.Dir, fmt.Sprint(i)), nil, 0o644); err != nil {
				t.Error(err)
			}
			l, err := d.Commit("id")
			if err != nil {
				t.Error(err)
			}
			if names, err := os.ReadDir(l.Dir); err != nil || len(names) != 1 {
				t.Errorf("the layer holds %v, %v", names, err)
			}
		})
	}
	all.Wait()
	names, err := os.ReadDir(filepath.Join(dir, "tmp"))
	must(t, err)
	if len(names) != 0 {
		t.Errorf("left in tmp: %v", names)
	}
}

// Drafts of who is gone are removed by the next who opens the store, those of who is there are not.
func TestStoreCleans(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dead := openStore(t, dir)
	_, err := dead.Draft()
	must(t, err)
	alive := openStore(t, dir)
	d, err := alive.Draft()
	must(t, err)
	must(t, dead.session.lock.Close()) // as when the process ends
	defer openStore(t, dir).Close()
	if _, err := os.Stat(dead.session.dir); !os.IsNotExist(err) {
		t.Errorf("the dead one's drafts are still there: %v", err)
	}
	if _, err := os.Stat(d.Dir); err != nil {
		t.Errorf("the other's are gone: %v", err)
	}
	temp, err := alive.Temp()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(temp, "f"), nil, 0o644))
	must(t, alive.Close())
	if _, err := os.Stat(temp); !os.IsNotExist(err) {
		t.Errorf("a temporary folder outlives Close: %v", err)
	}
}

func TestStoreIDs(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	defer s.Close()
	for _, id := range []string{"", ".", "..", "tmp", "a/b", "../x", ".hidden", "a\x00", strings.Repeat("a", 256)} {
		if _, _, err := s.Get(id); err == nil {
			t.Errorf("%q: no error", id)
		}
		d, err := s.Draft()
		must(t, err)
		if _, err := d.Commit(id); err == nil {
			t.Errorf("commit of %q: no error", id)
		}
		must(t, d.Discard())
	}
}

// What is mounted below is not removed with a folder.
func TestRemoveStopsAtMounts(t *testing.T) {
	t.Parallel()
	dir, kept := t.TempDir(), newDir(t)
	must(t, os.WriteFile(filepath.Join(kept, "f"), []byte("1"), 0o644))
	must(t, os.MkdirAll(filepath.Join(dir, "x/mnt"), 0o755))
	must(t, unix.Mount(kept, filepath.Join(dir, "x/mnt"), "", unix.MS_BIND, ""))
	err := removeAll(filepath.Join(dir, "x"))
	must(t, rootfs.Unmount(filepath.Join(dir, "x/mnt")))
	if err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(filepath.Join(kept, "f")); err != nil {
		t.Errorf("the mounted folder's file: %v", err)
	}
	must(t, removeAll(filepath.Join(dir, "x")))
	must(t, removeAll(filepath.Join(dir, "x"))) // is gone
}

// Folders that nobody may read, and links to folders, are removed; what links lead to is not.
func TestRemove(t *testing.T) {
	t.Parallel()
	dir, kept := t.TempDir(), newDir(t)
	must(t, os.WriteFile(filepath.Join(kept, "f"), nil, 0o644))
	shell(t, dir, "mkdir -p x/none/y && touch x/none/y/f && chmod 0 x/none && ln -s "+kept+" x/l && mkfifo x/p")
	must(t, os.MkdirAll(filepath.Join(dir, "x", strings.Repeat("d/", 3*maxDepth)), 0o755))
	must(t, removeAll(filepath.Join(dir, "x")))
	if _, err := os.Lstat(filepath.Join(dir, "x")); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(kept, "f")); err != nil {
		t.Error(err)
	}
}
