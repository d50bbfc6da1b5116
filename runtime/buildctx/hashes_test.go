package buildctx

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// remembering is what is remembered of a folder, in a file of its own.
func remembering(t testing.TB, h *Hashes, dir string) *treeHashes {
	t.Helper()
	f, err := os.Open(dir)
	must(t, err)
	defer f.Close()
	tree, err := h.of(int(f.Fd()))
	must(t, err)
	return tree
}

// all lists what a file holds.
func (f hashFile) all() (all []remembered) {
	for i := range f.len() {
		if r, ok := decodeRecord(f.raw(i)); ok {
			all = append(all, r)
		}
	}
	return all
}

func inFile(t testing.TB, path string) []remembered {
	t.Helper()
	f := openHashFile(path)
	defer func() { must(t, f.close()) }()
	return f.all()
}

// What is remembered is used: a wrong sum comes out in the digest, until the file changes.
func TestHashesAreUsed(t *testing.T) {
	t.Parallel()
	src, dir := folder(t, "a =1"), filepath.Join(t.TempDir(), "hashes")
	honest := digest(t, openContext(t, src, Options{}), "COPY a /b")
	h := OpenHashes(dir)
	st, later := aged(t, filepath.Join(src, "a"))
	remembering(t, h, src).put(&st, later, sha256.Sum256([]byte("something else")))
	must(t, h.Save())
	h = OpenHashes(dir)
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
		remembering(t, h, src).put(&st, later, sha256.Sum256([]byte("something else")))
	}
}

// A file that has changed just now may change again without a trace, so it is not remembered.
func TestHashesOfRacyFiles(t *testing.T) {
	t.Parallel()
	src := folder(t, "a =1")
	h := OpenHashes(filepath.Join(t.TempDir(), "hashes"))
	digest(t, openContext(t, src, Options{Hashes: h}), "COPY a /b")
	known := remembering(t, h, src)
	if len(known.learnt) != 0 {
		t.Error("a file of this moment was remembered")
	}
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(src, "a"), &st))
	changed := time.Unix(st.Ctim.Unix())
	known.put(&st, changed.Add(racy-time.Millisecond), [sha256.Size]byte{})
	if len(known.learnt) != 0 {
		t.Error("remembered too early")
	}
	known.put(&st, changed.Add(racy+time.Millisecond), [sha256.Size]byte{})
	if len(known.learnt) != 1 {
		t.Error("not remembered")
	}
}

// A change within the same tick of the clock, of the same size, is seen: twice as fast as any clock ticks.
func TestHashesOfFilesThatChangeAtOnce(t *testing.T) {
	t.Parallel()
	src := folder(t, "a =0")
	h := OpenHashes(filepath.Join(t.TempDir(), "hashes"))
	tree := openContext(t, src, Options{Hashes: h})
	last := ""
	for i := range 200 {
		must(t, os.WriteFile(filepath.Join(src, "a"), fmt.Appendf(nil, "%d", i%10), 0o644))
		now := digest(t, tree, "COPY a /b")
		if now == last {
			t.Fatalf("change %d is not seen", i)
		}
		last = now
	}
}

// A record that is damaged is forgotten, and no other one is told in its place.
func TestHashesDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "tree")
	learnt := map[inode]remembered{}
	for i := range uint64(9) {
		r := remembered{fileID{inode{3, i}, int64(i), 5, 6}, days(time.Now()), sha256.Sum256([]byte{byte(i)})}
		learnt[r.inode] = r
	}
	must(t, writeHashFile(path, hashFile{}, learnt, days(time.Now())))
	whole, err := os.ReadFile(path)
	must(t, err)
	if n := len(inFile(t, path)); n != 9 {
		t.Fatalf("%d of 9 remembered", n)
	}
	look := func(what string) {
		f := openHashFile(path)
		defer func() { must(t, f.close()) }()
		found := 0
		for id, want := range learnt {
			if r, ok := f.find(id); ok && r != want {
				t.Fatalf("%s: %v is told for %v", what, r, want)
			} else if ok {
				found++
			}
		}
		if found > 8 {
			t.Fatalf("%s: not seen", what)
		}
	}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x10
		must(t, os.WriteFile(path, flipped, 0o644))
		look(fmt.Sprintf("byte %d changed", i))
		must(t, os.WriteFile(path, whole[:i], 0o644))
		look(fmt.Sprintf("cut off at %d", i))
	}
}

// Two who write: the later keeps what the earlier has learnt, and no file is left but the one.
func TestHashesTwoWriters(t *testing.T) {
	t.Parallel()
	dir, src := t.TempDir(), t.TempDir()
	learn := func(h *Hashes, ino uint64, sum byte) {
		remembering(t, h, src).put(&unix.Stat_t{Ino: ino}, time.Now(), [sha256.Size]byte{sum})
	}
	one, two := OpenHashes(dir), OpenHashes(dir)
	learn(one, 1, 1)
	learn(two, 2, 2)
	path := remembering(t, one, src).path
	must(t, one.Save())
	must(t, two.Save())
	known := inFile(t, path)
	if len(known) != 2 || known[0].ino != 1 || known[0].sum[0] != 1 || known[1].ino != 2 || known[1].sum[0] != 2 {
		t.Errorf("remembered: %v", known)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 20 {
				h := OpenHashes(dir)
				learn(h, uint64(100+i), byte(n))
				if err := h.Save(); err != nil {
					t.Error(err)
				}
				if len(inFile(t, path)) < 2 {
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

// What is learnt is written before there is too much of it, and merged.
func TestHashesOfMany(t *testing.T) {
	t.Parallel()
	dir, src := t.TempDir(), t.TempDir()
	h := OpenHashes(dir)
	tree := remembering(t, h, src)
	const n = most + most/2
	for round := range 2 {
		for i := range n {
			tree.put(&unix.Stat_t{Ino: uint64(i * 7919 % n)}, time.Now(), [sha256.Size]byte{byte(round)})
			if len(tree.learnt) > most {
				t.Fatalf("%d at once in memory", len(tree.learnt))
			}
		}
	}
	for i := range n {
		if sum, ok := tree.get(&unix.Stat_t{Ino: uint64(i)}); !ok || sum[0] != 1 {
			t.Fatalf("%d: %v %v", i, sum[0], ok)
		}
	}
	must(t, h.Save())
	if known := inFile(t, tree.path); len(known) != n || !slices.IsSortedFunc(known, func(a, b remembered) int { return a.compare(b.inode) }) {
		t.Errorf("%d of %d, or not in order", len(known), n)
	}
}

// What nobody has used for long is forgotten; what is used stays.
func TestHashesForget(t *testing.T) {
	t.Parallel()
	dir, src := t.TempDir(), t.TempDir()
	h := OpenHashes(dir)
	tree := remembering(t, h, src)
	long := time.Now().AddDate(0, 0, -unusedDays-1)
	tree.put(&unix.Stat_t{Ino: 1}, long, [sha256.Size]byte{})
	tree.put(&unix.Stat_t{Ino: 2}, long, [sha256.Size]byte{})
	if _, ok := tree.get(&unix.Stat_t{Ino: 2}); !ok {
		t.Fatal("not remembered")
	}
	gone, kept := filepath.Join(dir, "1-1"), filepath.Join(dir, "1-2")
	must(t, os.WriteFile(gone, nil, 0o600))
	must(t, os.WriteFile(kept, nil, 0o600))
	must(t, setTime(gone, time.Now().AddDate(0, 0, -unusedDays-refreshDays-1)))
	must(t, setTime(kept, long))
	must(t, h.Save())
	if known := inFile(t, tree.path); len(known) != 1 || known[0].ino != 2 {
		t.Errorf("remembered: %v", known)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("an unused tree is remembered")
	}
	must(t, os.Remove(kept))
	var nothing *Hashes
	if tree, err := nothing.of(0); tree != nil || err != nil {
		t.Error("nil remembers")
	}
	if _, ok := (*treeHashes)(nil).get(&unix.Stat_t{}); ok {
		t.Error("nil remembers")
	}
}

func TestHashesCannotBeSaved(t *testing.T) {
	t.Parallel()
	h := OpenHashes(filepath.Join(t.TempDir(), "no/hashes"))
	must(t, h.Save()) // nothing learnt
	remembering(t, h, t.TempDir()).put(&unix.Stat_t{Ino: 1}, time.Now(), [sha256.Size]byte{})
	if err := h.Save(); err == nil || !strings.HasPrefix(err.Error(), "remember file digests: ") {
		t.Errorf("error %v", err)
	}
}
