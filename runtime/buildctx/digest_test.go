package buildctx

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func digest(t testing.TB, tree *Tree, line string) string {
	t.Helper()
	c := parse(t, line)
	m, err := tree.Find(c.sources, c.find)
	must(t, err)
	sum, err := tree.Digest(t.Context(), m)
	must(t, err)
	return sum
}

const digested = "x/a =1, x/b 755 =2, x/l -> a, x/y/c =3, x/h == x/a, x/p|, f =4"

// Everything that a copy shows changes the digest.
func TestDigestChanges(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, list := range []string{
		digested,
		"x/a =9, x/b 755 =2, x/l -> a, x/y/c =3, x/h == x/a, x/p|, f =4",           // content
		"x/a =1, x/b 755 =2, x/l -> a, x/y/c =3, x/h == x/a, x/p|, f =5",           // of a file by itself
		"x/a =1, x/b 644 =2, x/l -> a, x/y/c =3, x/h == x/a, x/p|, f =4",           // mode
		"x/a =1, x/b 755 =2, x/l -> a, x/y/ 700, x/y/c =3, x/h == x/a, x/p|, f =4", // of a folder
		"x/a =1, x/b 755 =2, x/l -> a, x/y/c =3, x/h =1, x/p|, f =4",               // not one file
		"x/a =1, x/b 755 =2, x/l -> a, x/y/c =3, x/h == x/b, x/p|, f =4",           // another file
		"x/a =1, x/b 755 =2, x/l -> b, x/y/c =3, x/h == x/a, x/p|, f =4",           // link
		"x/a =1, x/b 755 =2, x/l =a, x/y/c =3, x/h == x/a, x/p|, f =4",             // kind
		"x/a =1, x/b 755 =2, x/l -> a, x/y/d =3, x/h == x/a, x/p|, f =4",           // name
		"x/a =1, x/b 755 =2, x/l -> a, x/c =3, x/y/, x/h == x/a, x/p|, f =4",       // place
		"x/a =1, x/b 755 =2, x/l -> a, x/y/c =3, x/h == x/a, f =4",                 // one less
		"x/a =1, x/b 755 =2, x/l -> a, x/y/c =3, x/h == x/a, x/p|, x/z/, f =4",     // one more
	} {
		sum := digest(t, openContext(t, folder(t, list), Options{}), "COPY x f /d")
		if other, ok := seen[sum]; ok {
			t.Errorf("one digest for\n%s\n%s", other, list)
		}
		seen[sum] = list
	}
}

// What a copy does not show does not: times, attributes, owners in a context, the names of folders that are
// sources, what is left out.
func TestDigestStays(t *testing.T) {
	t.Parallel()
	src := folder(t, digested)
	want := digest(t, openContext(t, src, Options{}), "COPY x f /d")
	same := func(what, dir, line string) {
		t.Helper()
		if got := digest(t, openContext(t, dir, Options{}), line); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	same("again", src, "COPY x f /d")
	same("another path to it", src, "COPY ./x/../x/. f /d")
	must(t, setTime(filepath.Join(src, "x/a"), time.Now()))
	must(t, setTime(filepath.Join(src, "x/y"), time.Now()))
	same("times", src, "COPY x f /d")
	must(t, os.Lchown(filepath.Join(src, "x/b"), 3, 4))
	must(t, os.Chmod(filepath.Join(src, "x/b"), 0o755))
	same("owner", src, "COPY x f /d")
	must(t, unix.Setxattr(filepath.Join(src, "x/b"), "user.note", []byte("x"), 0))
	same("attribute", src, "COPY x f /d")
	must(t, os.WriteFile(filepath.Join(src, "other"), nil, 0o644))
	same("another file", src, "COPY x f /d")
	must(t, os.WriteFile(filepath.Join(src, "x/new.o"), nil, 0o644))
	same("an excluded one", src, "COPY --exclude=*.o x f /d")
	must(t, os.WriteFile(filepath.Join(src, ".dockerignore"), []byte("**/*.o"), 0o644))
	same("an ignored one", src, "COPY x f /d")
	must(t, os.Rename(filepath.Join(src, "x"), filepath.Join(src, "z")))
	same("another folder", src, "COPY z f /d")
	must(t, os.Symlink("z", filepath.Join(src, "link")))
	same("through a link", src, "COPY link f /d")
}

// The order of sources counts, as it does for a copy; and a file's own name.
func TestDigestOfSources(t *testing.T) {
	t.Parallel()
	tree := openContext(t, folder(t, "a =1, b =1, x/a =1"), Options{})
	seen := map[string]string{}
	for _, line := range []string{"COPY a b /d/", "COPY b a /d/", "COPY a /d/", "COPY b /d/", "COPY x /d/", "COPY x a /d/", "COPY --parents x/a /d/"} {
		sum := digest(t, tree, line)
		if other, ok := seen[sum]; ok {
			t.Errorf("one digest for %s and %s", other, line)
		}
		seen[sum] = line
	}
	if digest(t, tree, "COPY a /d/") != digest(t, tree, "COPY x/a /d/") {
		t.Error("two digests for one name and content")
	}
}

// Files of one name in several folders are not taken for each other, in whatever order the folders are come to.
func TestDigestOfSameNames(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"COPY a x y/a /d/", "COPY y/a a x /d/", "COPY x x/a y a /d/", "COPY a y/a x/a /d/", "COPY * /d/"} {
		seen := map[string]string{}
		for _, list := range []string{"a =1, x/a =2, y/a =3", "a =9, x/a =2, y/a =3", "a =1, x/a =9, y/a =3", "a =1, x/a =2, y/a =9"} {
			sum := digest(t, openContext(t, folder(t, list), Options{}), line)
			if other, ok := seen[sum]; ok {
				t.Errorf("%s: one digest for\n%s\n%s", line, other, list)
			}
			seen[sum] = list
		}
	}
}

// Owners and capabilities count in a stage.
func TestDigestOfStage(t *testing.T) {
	t.Parallel()
	src := folder(t, digested)
	sum := func() string {
		t.Helper()
		tree, err := Root(src)
		must(t, err)
		defer tree.Close()
		return digest(t, tree, "COPY x f /d")
	}
	seen := map[string]bool{sum(): true}
	if !seen[sum()] {
		t.Error("the digest is not the same again")
	}
	for what, change := range map[string]func() error{
		"owner":    func() error { return os.Lchown(filepath.Join(src, "x/y"), 3, 0) },
		"group":    func() error { return os.Lchown(filepath.Join(src, "x/l"), 0, 4) },
		"capacity": func() error { return unix.Setxattr(filepath.Join(src, "x/y/c"), capabilityAttr, []byte(ping), 0) },
	} {
		must(t, change())
		if now := sum(); seen[now] {
			t.Errorf("%s: the digest has not changed", what)
		} else {
			seen[now] = true
		}
	}
}

// TestDigestOfTooMuch: a bound on what is read is heeded, and counts what is read for all digests of a tree.
func TestDigestOfTooMuch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		must(t, os.WriteFile(filepath.Join(dir, name), make([]byte, 600), 0o644))
	}
	for _, c := range []struct {
		most int64
		want error
	}{{0, nil}, {1200, nil}, {1199, ErrTooMuch}} {
		tree, err := Open(dir, Options{MostRead: c.most})
		must(t, err)
		var got error
		for _, name := range []string{"a", "b"} {
			m, err := tree.Find([]string{name}, FindOptions{})
			must(t, err)
			_, err = tree.Digest(t.Context(), m)
			got = errors.Join(got, err)
		}
		if !errors.Is(got, c.want) || c.want == nil && got != nil {
			t.Errorf("at most %d bytes: %v, want %v", c.most, got, c.want)
		}
		must(t, tree.Close())
	}
}
