package fetch

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What was not asked for in a long time goes with the next build that fetches, as does what a killed one has left;
// but not while another one fetches.
func TestSweep(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", r.URL.Path)
		if r.Header.Get("If-None-Match") == r.URL.Path {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte("content of " + r.URL.Path))
	}))
	defer server.Close()
	dir := t.TempDir()
	get := func(f *Fetcher, name string) *File {
		t.Helper()
		file, err := f.URL(t.Context(), server.URL+"/"+name, "")
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	first := New(Options{Dir: dir})
	gone, kept, new := get(first, "gone"), get(first, "kept"), get(first, "new")
	long := time.Now().Add(-unused - time.Hour)
	age := func(path string) {
		t.Helper()
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	make := func(name string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"gone", "kept"} {
		age(first.record(server.URL + "/" + name))
	}
	goes := []string{gone.Path, make("files/.new-1"), make("git/a.git/HEAD"), make("git/a.git.lock"), make("git/b.git/objects/pack/tmp_pack_x")}
	age(goes[3])
	stays := []string{kept.Path, new.Path, make("git/b.git/HEAD"), make("git/b.git.lock")}
	is := func(when string, there bool, paths []string) {
		t.Helper()
		for _, path := range paths {
			if _, err := os.Lstat(path); (err == nil) != there {
				t.Errorf("%s: %s: %v", when, path, err)
			}
		}
	}

	second := New(Options{Dir: dir})
	get(second, "kept")
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	is("while another build fetches", true, slices.Concat(goes, stays))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	is("afterwards", true, stays)
	is("afterwards", false, goes)
	if err := New(Options{Dir: filepath.Join(dir, "none")}).Close(); err != nil {
		t.Error(err)
	}
	is("of a fetcher that was not used", false, []string{filepath.Join(dir, "none")})
}
