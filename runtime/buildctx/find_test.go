package buildctx

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A source that is not there says so, and what may have been meant.
func TestNotFound(t *testing.T) {
	t.Parallel()
	src := folder(t, "Makefile =, src/main.go =, src/util/ , README.md =, out -> /etc/passwd, up -> ../x, dangling -> nothing")
	for _, tt := range []struct{ source, err, hint string }{
		{"makefile", "not in the build context", "did you mean Makefile?"},
		{"Makefiel", "not in the build context", "did you mean Makefile?"},
		{"src/mian.go", "not in the build context", "did you mean src/main.go?"},
		{"sr/main.go", "not in the build context", "did you mean src?"},
		{"./src//main.c", "not in the build context", "did you mean src/main.go?"},
		{"something/else", "not in the build context", ""},
		{"x", "not in the build context", ""},
		{"../Makefiles", "not in the build context", "the build context has no parent folder: use --context to choose a larger one"},
		{"out", "the symlink out leads out of the build context, to /etc/passwd", "a build sees nothing outside of its context: copy what it needs into it"},
		{"up", "the symlink up leads out of the build context, to ../x", "a build sees nothing outside of its context: copy what it needs into it"},
		{"dangling", "not in the build context", ""},
		{"nowhere/*.go", "not in the build context", ""},
	} {
		_, err := openContext(t, src, Options{}).Find([]string{tt.source}, FindOptions{})
		if !errors.Is(err, ErrNotFound) || err.Error() != tt.source+": "+tt.err || hint(err) != tt.hint {
			t.Errorf("%s: error %v\nhint %q, want %q", tt.source, err, hint(err), tt.hint)
		}
	}
	tree, err := Root(src)
	must(t, err)
	defer tree.Close()
	if _, err := tree.Find([]string{"makefile"}, FindOptions{}); err == nil || err.Error() != "makefile: not in the image or stage that it is copied from" {
		t.Errorf("from a stage: %v", err)
	}
}

func TestFindErrors(t *testing.T) {
	t.Parallel()
	src := folder(t, "f =, d/")
	tree := openContext(t, src, Options{})
	for _, tt := range []struct {
		source string
		o      FindOptions
		err    string
	}{
		{"f/x", FindOptions{}, "f is a file, not a folder"},
		{"[", FindOptions{}, "the pattern is malformed"},
		{"d/[a", FindOptions{}, "the pattern is malformed"},
		{"[a", FindOptions{Parents: true}, "the pattern is malformed"},
		{"f", FindOptions{Excludes: []string{"["}}, "--exclude=["},
		{".", FindOptions{Parents: true}, "not among the sources"},
	} {
		if _, err := tree.Find([]string{tt.source}, tt.o); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want %q", tt.source, err, tt.err)
		}
	}
	if m, err := tree.Find([]string{"f*"}, FindOptions{Literal: true}); err == nil {
		t.Errorf("literal f*: %v", m)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	src := folder(t, "f =")
	if _, err := Open(filepath.Join(src, "no"), Options{}); !errors.Is(err, ErrNotFound) || hint(err) == "" {
		t.Errorf("missing: %v, hint %q", err, hint(err))
	}
	if _, err := Open(filepath.Join(src, "f"), Options{}); err == nil || hint(err) == "" {
		t.Errorf("a file: %v, hint %q", err, hint(err))
	}
}

// Nothing is read through a path that is swapped for a link meanwhile: folders stay open, files are not
// opened through links.
func TestOutsideIsNeverRead(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(folder(t, "secret =s3cret"), "secret")
	src, root := folder(t, "x/a =1"), t.TempDir()
	tree := openContext(t, src, Options{})
	m, err := tree.Find([]string{"x/a"}, FindOptions{})
	must(t, err)
	must(t, os.Remove(filepath.Join(src, "x/a")))
	must(t, os.Symlink(secret, filepath.Join(src, "x/a")))
	err = Copy(t.Context(), tree, m, root, "/b", CopyOptions{})
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "leads out") {
		t.Errorf("error %v", err)
	}
	if _, err := tree.Digest(t.Context(), m); !errors.Is(err, ErrNotFound) {
		t.Errorf("digest: %v", err)
	}
	if got := look(t, root); got != "" {
		t.Errorf("copied %s", got)
	}
}
