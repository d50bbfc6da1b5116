package buildctx

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// aged makes a file whose change time is long enough ago, by pretending that now is later.
func aged(t testing.TB, path string) (st unix.Stat_t, later time.Time) {
	t.Helper()
	must(t, unix.Stat(path, &st))
	return st, time.Now().Add(racy + time.Second)
}

// What is remembered is used: a wrong sum comes out in the digest, until the file changes.
func TestHashesAreUsed(t *testing.T) {
	t.Parallel()
	src, path := folder(t, "a =1"), filepath.Join(t.TempDir(), "hashes")
	honest := digest(t, openContext(t, src, Options{}), "COPY a /b")
	h := OpenHashes(path)
	st, later := aged(t, filepath.Join(src, "a"))
	h.put(&st, later, sha256.Sum256([]byte("something else")))
	must(t, h.Save())
	h = OpenHashes(path)
	if got := digest(t, openContext(t, src, Options{Hashes: h}), "COPY a /b"); got == honest {
		t.Error("what was remembered is not used")
	}
	for what, change := range map[string]func(string) error{
		"content": func(p string) error { return os.WriteFile(p, []byte("1"), 0o644) },
		"time":    func(p string) error { return setTime(p, old.Add(time.Hour)) },
		"mode":    func(p string) error { return os.Chmod(p, 0o644) }, // the change time tells
	} {
		time.Sleep(20 * time.Millisecond) // longer than the kernel's clock ticks
		must(t, change(filepath.Join(src, "a")))
		if got := digest(t, openContext(t, src, Options{Hashes: h}), "COPY a /b"); got != honest {
			t.Errorf("%s: what was remembered is used for a file that has changed", what)
		}
		st, later = aged(t, filepath.Join(src, "a"))
		h.put(&st, later, sha256.Sum256([]byte("something else")))
	}
}

// A file that has changed just now may change again without a trace, so it is not remembered.
func TestHashesOfRacyFiles(t *testing.T) {
	t.Parallel()
	src := folder(t, "a =1")
	h := OpenHashes(filepath.Join(t.TempDir(), "hashes"))
	digest(t, openContext(t, src, Options{Hashes: h}), "COPY a /b")
	if len(h.known) != 0 {
		t.Error("a file of this moment was remembered")
	}
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(src, "a"), &st))
	changed := time.Unix(st.Ctim.Unix())
	h.put(&st, changed.Add(racy-time.Millisecond), [sha256.Size]byte{})
	if len(h.known) != 0 {
		t.Error("remembered too early")
	}
	h.put(&st, changed.Add(racy+time.Millisecond), [sha256.Size]byte{})
	if len(h.known) != 1 {
		t.Error("not remembered")
	}
}

// A damaged file is an empty one, wherever the damage is.
func TestHashesDamaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hashes")
	h := OpenHashes(path)
	for i := range 3 {
		h.put(&unix.Stat_t{Ino: uint64(i)}, time.Now(), sha256.Sum256([]byte{byte(i)}))
	}
	must(t, h.Save())
	whole, err := os.ReadFile(path)
	must(t, err)
	if n := len(OpenHashes(path).known); n != 3 {
		t.Fatalf("%d of 3 remembered", n)
	}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x10
		if n := len(decodeHashes(flipped)); n != 0 {
			t.Fatalf("byte %d changed: %d remembered", i, n)
		}
		if n := len(decodeHashes(whole[:i])); n != 0 {
			t.Fatalf("cut off at %d: %d remembered", i, n)
		}
	}
	must(t, os.WriteFile(path, whole[:50], 0o644))
	h = OpenHashes(path)
	h.put(&unix.Stat_t{Ino: 7}, time.Now(), [sha256.Size]byte{})
	must(t, h.Save())
	if n := len(OpenHashes(path).known); n != 1 {
		t.Errorf("after damage: %d of 1 remembered", n)
	}
}

// Two who write: the later keeps what the earlier has learnt, and no file is left but the one.
func TestHashesTwoWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "hashes")
	one, two := OpenHashes(path), OpenHashes(path)
	one.put(&unix.Stat_t{Ino: 1}, time.Now(), [sha256.Size]byte{1})
	two.put(&unix.Stat_t{Ino: 2}, time.Now(), [sha256.Size]byte{2})
	must(t, one.Save())
	must(t, two.Save())
	known := OpenHashes(path).known
	if len(known) != 2 || known[fileID{ino: 1}].sum[0] != 1 || known[fileID{ino: 2}].sum[0] != 2 {
		t.Errorf("remembered: %v", known)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			h := OpenHashes(path)
			for n := range 20 {
				h.put(&unix.Stat_t{Ino: uint64(100 + i)}, time.Now(), [sha256.Size]byte{byte(n)})
				if err := h.Save(); err != nil {
					t.Error(err)
				}
				if len(OpenHashes(path).known) < 2 {
					t.Error("a half-written file was seen")
				}
			}
		})
	}
	all.Wait()
	names, err := os.ReadDir(dir)
	must(t, err)
	if len(names) != 1 {
		t.Errorf("%d files are left", len(names))
	}
}

// What nobody has used for long is forgotten; what is used stays.
func TestHashesForget(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hashes")
	h := OpenHashes(path)
	long := time.Now().AddDate(0, 0, -unusedDays-1)
	h.put(&unix.Stat_t{Ino: 1}, long, [sha256.Size]byte{})
	h.put(&unix.Stat_t{Ino: 2}, long, [sha256.Size]byte{})
	if _, ok := h.get(&unix.Stat_t{Ino: 2}); !ok {
		t.Fatal("not remembered")
	}
	must(t, h.Save())
	known := OpenHashes(path).known
	if _, used := known[fileID{ino: 2}]; len(known) != 1 || !used {
		t.Errorf("remembered: %v", known)
	}
	var nothing *Hashes
	if _, ok := nothing.get(&unix.Stat_t{}); ok {
		t.Error("nil remembers")
	}
}

func TestHashesCannotBeSaved(t *testing.T) {
	t.Parallel()
	h := OpenHashes(filepath.Join(t.TempDir(), "no/hashes"))
	must(t, h.Save()) // nothing learnt
	h.put(&unix.Stat_t{Ino: 1}, time.Now(), [sha256.Size]byte{})
	if err := h.Save(); err == nil || !strings.HasPrefix(err.Error(), "remember file digests: ") {
		t.Errorf("error %v", err)
	}
}
