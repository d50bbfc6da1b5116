package buildctx

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

// contentsOf are the contents of sources in a tree that is planted; stage: one of a stage.
func contentsOf(t *testing.T, list string, stage bool, sources ...string) (string, []byte) {
	t.Helper()
	dir := t.TempDir()
	plant(t, dir, list)
	tree, err := Open(dir, Options{})
	if stage {
		tree, err = Root(dir)
	}
	must(t, err)
	defer tree.Close()
	m, err := tree.Find(sources, FindOptions{})
	must(t, err)
	digest, contents, err := tree.Contents(t.Context(), m)
	must(t, err)
	plain, err := tree.Digest(t.Context(), m)
	must(t, err)
	if plain != digest {
		t.Errorf("the digest is %s with the contents, %s without", digest, plain)
	}
	return digest, contents
}

func TestDifferences(t *testing.T) {
	for _, tt := range []struct {
		name, before, after string
		sources             []string
		want                string
	}{
		{"nothing", "d/ 755, d/a =1", "d/ 755, d/a =1", []string{"d"}, ""},
		{"content", "d/a =1, d/b =1", "d/a =2, d/b =1", []string{"d"}, "0 a has other content"},
		{"added and removed, deep", "d/x/y/a =1, d/z =", "d/x/y/b =1, d/z =", []string{"d"}, "0 x/y/b was added, 0 x/y/a was removed"},
		{"mode", "d/a 644 =1", "d/a 755 =1", []string{"d"}, "0 a has mode 0755, had 0644"},
		{"a folder's mode", "d/x/ 755, d/x/a =", "d/x/ 700, d/x/a =", []string{"d"}, "0 x has mode 0700, had 0755"},
		{"kind", "d/a =1", "d/a -> b", []string{"d"}, "0 a is a symbolic link, was a file"},
		{"a folder in a file's place", "d/a =1", "d/a/b =1", []string{"d"}, "0 a is a folder, was a file, 0 a/b was added"},
		{"link", "d/a -> b", "d/a -> c", []string{"d"}, "0 a leads elsewhere"},
		{"one file or two", "d/a =1, d/b == d/a", "d/a =1, d/b =1", []string{"d"}, "0 b has other content"},
		{"files by themselves", "a =1, b =1", "a =1, b =2", []string{"a", "b"}, "1 b has other content"},
		{"a pattern that matches more", "a.c =1, c.c =1", "a.c =1, b.c =1, c.c =1", []string{"*.c"}, "1 b.c was added"},
		{"two folders into one", "x/f =1, y/f =1, y/g =", "x/f =1, y/f =2", []string{"x", "y"}, "1 f has other content, 1 g was removed"},
		{"FIFO", "d/p|", "d/p =", []string{"d"}, "0 p is a file, was a FIFO"},
	} {
		for _, stage := range []bool{false, true} {
			d1, before := contentsOf(t, tt.before, stage, tt.sources...)
			d2, after := contentsOf(t, tt.after, stage, tt.sources...)
			list, err := Differences(before, after)
			must(t, err)
			var got []string
			for _, d := range list {
				got = append(got, fmt.Sprintf("%d %s %s", d.Source, d.Path, d.What))
			}
			if text := strings.Join(got, ", "); text != tt.want || (text == "") != (d1 == d2) {
				t.Errorf("%s (stage %t): got %q, want %q", tt.name, stage, text, tt.want)
			}
		}
	}
}

// Owners count in a stage.
func TestDifferentOwner(t *testing.T) {
	_, before := contentsOf(t, "d/a 3:4 =1", true, "d")
	_, after := contentsOf(t, "d/a 3:5 =1", true, "d")
	list, err := Differences(before, after)
	must(t, err)
	if len(list) != 1 || list[0].What != "belongs to 3:5, belonged to 3:4" {
		t.Errorf("got %+v", list)
	}
}

// What is damaged is an error, wherever it is cut or changed, and nothing else.
func FuzzDifferences(f *testing.F) {
	f.Add([]byte(digestVersion), []byte(stageDigestVersion))
	f.Add([]byte(digestVersion+"D"), []byte(digestVersion+"DU"))
	f.Add([]byte(digestVersion+"E\x01a\xa4\x83\x02C01234567890123456789012345678901"), []byte(digestVersion+"E\x01l\xff\xc3\x02\x01a"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		_, _ = Differences(a, b)
	})
}

func TestDamagedContents(t *testing.T) {
	_, contents := contentsOf(t, "d/x/a =1, d/l -> x, d/h == d/x/a", false, "d")
	if _, err := readContents(contents); err != nil {
		t.Fatal(err)
	}
	for n := len(digestVersion) + 1; n < len(contents); n++ {
		if _, err := readContents(contents[:n]); err == nil {
			t.Errorf("cut at %d of %d: no error", n, len(contents))
		}
	}
	if _, err := readContents(append(contents, 'x')); err == nil {
		t.Error("more behind it is no error")
	}
}

func TestTooMuchToKeep(t *testing.T) {
	k := &keeper{Hash: sha256.New()}
	for range 3 {
		k.Write(make([]byte, maxContents/2))
	}
	k.Write([]byte("x"))
	if k.kept != nil || !k.full {
		t.Errorf("%d bytes are kept", len(k.kept))
	}
}
