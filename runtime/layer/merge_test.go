package layer

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mergeBase are two layers with all that a tree can have.
func mergeBase(t testing.TB) []string {
	return stacked(t,
		makeTar(t,
			dir("etc/").owner(3, 4), file("etc/a", "a\n").mode(0o4755), file("etc/b", "b\n"), link("etc/linked", "etc/b"), file("etc/gone", "g"),
			dir("deep/"), dir("deep/er/"), file("deep/er/x", "x"), dir("opaque/"), file("opaque/hidden", "h"), symlink("sym", "etc/a").owner(1, 2),
			file("ping", "p").xattr(xattrCapability, string(ping)),
		),
		makeTar(t, file("etc/b", "new b\n"), file("etc/.wh.gone", ""), dir("opaque/"), file("opaque/.wh..wh..opq", ""), file("opaque/seen", "s"), file("empty", "")),
	)
}

// TestMerge copies layers into one tree: what overlayfs shows.
func TestMerge(t *testing.T) {
	t.Parallel()
	lowers, tree := mergeBase(t), newDir(t)
	must(t, Merge(t.Context(), lowers, tree))
	if diff := cmp.Diff(merged(t, lowers), look(t, tree)); diff != "" {
		t.Errorf("the tree is not what overlayfs shows (-overlayfs +tree):\n%s", diff)
	}
}

// TestDiff does with a copied tree what a step does on overlayfs, and gets a layer that says the same.
func TestDiff(t *testing.T) {
	t.Parallel()
	lowers := mergeBase(t)
	for name, script := range map[string]string{
		"nothing":       `true`,
		"read":          `cat etc/a; ls -lR . >/dev/null`,
		"and back":      `chmod 700 etc/b; chmod 644 etc/b; touch etc/new; rm etc/new`,
		"a new file":    `echo hello >etc/new; chmod 600 etc/new`,
		"deep":          `echo y >deep/er/y`,
		"content alone": `printf 'A\n' >etc/a; chmod 4755 etc/a; touch -r deep/er/x etc/a`,
		"modes":         `chmod 700 deep; chown 7:8 etc/a`,
		"deleted":       `rm -r deep etc/b opaque/seen`,
		"replaced":      `rm -r deep; echo file >deep; rm etc/b; mkdir etc/b; ln -s nowhere etc/b/l; rm sym; ln -s elsewhere sym`,
		"linked":        `echo 1 >one; ln one two; ln two etc/three; mkfifo pipe`,
		"holes":         `truncate -s 1M hole; printf end >>hole`,
		"capabilities":  `rm ping; printf p >ping`,
		"emptied":       `: >etc/b`,
		"own folder":    `chmod 711 .; touch x`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, upper := newDir(t), newDir(t)
			must(t, Merge(t.Context(), lowers, tree))
			since, err := Now(newDir(t))
			must(t, err)
			shell(t, tree, "umask 022; "+script)
			must(t, Diff(t.Context(), tree, lowers, upper, since))
			overlay := overlaid(t, lowers, func(root string) { shell(t, root, "umask 022; "+script) })
			want, got := entriesOf(t, overlay, lowers), entriesOf(t, upper, lowers)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the layers differ (-overlayfs +copy):\n%s", diff)
			}
			// The tree is the next step's: it is what the layers are now.
			if diff := cmp.Diff(merged(t, append([]string{upper}, lowers...)), look(t, tree)); diff != "" {
				t.Errorf("the tree is not what overlayfs shows (-overlayfs +tree):\n%s", diff)
			}
		})
	}
}

// entriesOf are the entries of a layer's tar, without times, which depend on when a step ran.
func entriesOf(t *testing.T, upper string, lowers []string) []string {
	t.Helper()
	var lines []string
	for r := tar.NewReader(bytes.NewReader(write(t, upper, lowers, WriteOptions{Epoch: &time.Time{}, Same: true}))); ; {
		h, err := r.Next()
		if err != nil {
			slices.Sort(lines)
			return lines
		}
		var content bytes.Buffer
		_, err = content.ReadFrom(r)
		must(t, err)
		lines = append(lines, fmt.Sprintf("%s %c %o %d:%d %s %q %q", h.Name, h.Typeflag, h.Mode, h.Uid, h.Gid, h.Linkname, h.PAXRecords, strings.TrimRight(content.String(), "\x00")))
	}
}

// TestMarkedWhiteout is the other form of a deletion, for where no device can be made: it hides what is below, is
// written as any other, and is replaced by what is put in its place.
func TestMarkedWhiteout(t *testing.T) {
	t.Parallel()
	lowers, upper := mergeBase(t), newDir(t)
	tree, err := openTree(upper)
	must(t, err)
	defer tree.close()
	etc, err := tree.find("etc", true)
	must(t, err)
	must(t, markedWhiteout(etc.fd, "a"))
	must(t, markedWhiteout(etc.fd, "b"))
	must(t, whiteout(etc, "a")) // once more
	must(t, os.WriteFile(upper+"/empty", nil, 0o644))
	got := contents(t, write(t, upper, lowers, WriteOptions{}))
	if !strings.Contains(got, "etc/.wh.a") || !strings.Contains(got, "etc/.wh.b") || strings.Contains(got, ".wh.empty") {
		t.Errorf("the layer has\n%s", got)
	}
	into := newDir(t)
	must(t, Merge(t.Context(), append([]string{upper}, lowers...), into))
	for _, gone := range []string{"/etc/a", "/etc/b"} {
		if _, err := os.Lstat(into + gone); err == nil {
			t.Errorf("%s is there", gone)
		}
	}
	if _, err := os.Lstat(into + "/etc/linked"); err != nil {
		t.Error(err)
	}
}
