package layer

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/rootfs"
)

// stacked unpacks tars over each other, the lowest first, and gives the folders, the topmost first.
func stacked(t testing.TB, tars ...[]byte) []string {
	t.Helper()
	var lowers []string
	for _, data := range tars {
		dir := newDir(t)
		a, err := Apply(t.Context(), bytes.NewReader(data), dir)
		must(t, err)
		must(t, Adopt(dir, a.Implied, lowers))
		lowers = slices.Insert(lowers, 0, dir)
	}
	return lowers
}

// Folders that a layer does not name look as they did below.
func TestAdopt(t *testing.T) {
	t.Parallel()
	bottom := []entry{
		dir("a").mode(0o1777).owner(3, 4), dir("a/b").mode(0o700).owner(5, 6).xattr("user.note", "x"), file("a/b/f", ""),
		dir("gone").mode(0o700), dir("gone/sub").mode(0o700), dir("anew").mode(0o700), file("file", ""),
	}
	for _, tt := range []struct {
		name          string
		middle, upper []entry
		want          []string // of the folders in upper
	}{
		{"from the layer below", nil, []entry{file("a/b/new", "")}, []string{
			"a 41777 3:4 1714979289.000000000",
			`a/b 40700 5:6 1714979289.000000000 user.note="x"`,
		}},
		{"from the topmost that has it", []entry{dir("a").mode(0o711).owner(7, 8).time(day.Add(time.Hour))}, []entry{file("a/b/new", "")}, []string{
			"a 40711 7:8 1714982889.000000000",
			`a/b 40700 5:6 1714979289.000000000 user.note="x"`,
		}},
		{"from an implied one", []entry{file("a/b/m", "")}, []entry{file("a/b/new", "")}, []string{
			"a 41777 3:4 1714979289.000000000",
			`a/b 40700 5:6 1714979289.000000000 user.note="x"`,
		}},
		{"not through a deletion", []entry{file(".wh.gone", "")}, []entry{file("gone/sub/x", "")}, []string{
			"gone 40755 0:0 0.000000000",
			"gone/sub 40755 0:0 0.000000000",
		}},
		{"not through what was made anew", []entry{file(".wh.anew", ""), dir("anew").mode(0o711)}, []entry{file("anew/x", "")}, []string{
			"anew 40711 0:0 1714979289.000000000",
		}},
		{"not through a file", []entry{file("a", "")}, []entry{file(".wh.a", ""), file("a/b/x", "")}, []string{
			`a 40755 0:0 0.000000000 user.overlay.opaque="y"`,
			"a/b 40755 0:0 0.000000000",
		}},
		{"not what this layer deletes", nil, []entry{file(".wh.a", ""), file("a/b/x", "")}, []string{
			`a 40755 0:0 0.000000000 user.overlay.opaque="y"`,
			"a/b 40755 0:0 0.000000000",
		}},
		{"below an opaque one", nil, []entry{dir("a").mode(0o750), file("a/.wh..wh..opq", ""), file("a/b/x", "")}, []string{
			`a 40750 0:0 1714979289.000000000 user.overlay.opaque="y"`,
			"a/b 40755 0:0 0.000000000",
		}},
		{"one that is opaque is a new one", nil, []entry{file("a/.wh..wh..opq", "")}, []string{
			`a 40755 0:0 0.000000000 user.overlay.opaque="y"`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tars := [][]byte{makeTar(t, bottom...)}
			if tt.middle != nil {
				tars = append(tars, makeTar(t, tt.middle...))
			}
			lowers := stacked(t, tars...)
			upper, a := apply(t, tt.upper...)
			for range 2 { // a second time changes nothing
				must(t, Adopt(upper, a.Implied, lowers))
				var got []string
				for _, line := range look(t, upper) {
					if strings.Contains(line, " 4") {
						got = append(got, line)
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// A layer whose root is opaque hides all below, though overlayfs merges roots always.
func TestAdoptOpaqueRoot(t *testing.T) {
	t.Parallel()
	lowers := stacked(t,
		makeTar(t, file("a", ""), dir("d"), file("d/x", ""), file("gone", "")),
		makeTar(t, file("b", ""), file(".wh.gone", "")),
		makeTar(t, file("new", ""), dir("d"), file("d/y", ""), file(".wh..wh..opq", "")))
	got := withoutTimes(merged(t, lowers))
	want := withoutTimes([]string{"d 40755 0:0 1.0", `d/y 100644 0:0 1.0 ""`, `new 100644 0:0 1.0 ""`})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := os.Lstat(filepath.Join(lowers[0], "gone")); err == nil {
		t.Error("a whiteout of what was gone already")
	}
}

func TestAdoptErrors(t *testing.T) {
	t.Parallel()
	upper, missing := newDir(t), filepath.Join(t.TempDir(), "missing")
	if err := Adopt(missing, nil, nil); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing layer: %v", err)
	}
	if err := Adopt(upper, nil, []string{missing}); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing layer below: %v", err)
	}
}

// What is unpacked, written and unpacked again is the same: the folders of every layer, and the second
// tar is the first one byte for byte.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	first := makeTar(t,
		dir("bin").mode(0o755), file("bin/sh", "sh").mode(0o755), file("bin/su", "su").mode(0o4755), link("bin/ash", "bin/sh"),
		file("bin/ping", "ping").mode(0o755).xattr(xattrCapability, ping), dir("etc"), file("etc/passwd", "root"), file("etc/shadow", "x").mode(0o640).owner(0, 42),
		dir("lib").mode(0o2755).owner(0, 50), symlink("lib64", "lib"), dir("tmp").mode(0o1777), dir("var"), dir("var/log"), file("var/log/old", "x"),
		entry{tar.Header{Typeflag: tar.TypeFifo, Name: "run/p", Mode: 0o600, ModTime: day}, ""},
	)
	second := makeTar(t, dir("etc"), file("etc/.wh.shadow", ""), file("etc/passwd", "root, bob"), file(".wh.tmp", ""), file("var/log/.wh..wh..opq", ""), file("var/log/new", "y"))
	third := makeTar(t, file(".wh.var", ""), dir("var").mode(0o700), file("var/x", ""), file("lib", "a file now"), file(".wh.lib64", ""))
	dirs := stacked(t, first, second, third)
	var tars [][]byte
	for i := len(dirs) - 1; i >= 0; i-- {
		tars = append(tars, write(t, dirs[i], dirs[i+1:], WriteOptions{}))
	}
	again := stacked(t, tars...)
	for i := range dirs {
		tar := write(t, again[i], again[i+1:], WriteOptions{})
		if !bytes.Equal(tar, tars[len(dirs)-1-i]) {
			t.Errorf("layer %d from the top is written differently:\n%s\n%s", i, contents(t, tars[len(dirs)-1-i]), contents(t, tar))
		}
		if diff := cmp.Diff(merged(t, dirs[i:]), merged(t, again[i:])); diff != "" {
			t.Errorf("layer %d from the top shows (-once +twice):\n%s", i, diff)
		}
	}
}

// The same with what a step leaves in a real overlay.
func TestRoundTripOfOverlay(t *testing.T) {
	t.Parallel()
	lowers := []string{base(t)}
	for _, step := range []string{
		"mkdir -p usr/bin && echo prog >usr/bin/p && ln usr/bin/p usr/bin/q && chmod 4755 usr/bin/p && chown 7:8 d/x",
		"rm -r d o && mkdir d && echo new >d/n && ln -s d o && mkfifo p",
		"mv usr opt && rm a h1 && echo 3 >>fine",
	} {
		upper := overlaid(t, lowers, func(root string) { shell(t, root, step) })
		checkTree(t, write(t, upper, lowers, WriteOptions{}), upper, lowers)
		lowers = slices.Insert(lowers, 0, upper)
	}
	var tars [][]byte
	for i := len(lowers) - 1; i >= 0; i-- {
		tars = append(tars, write(t, lowers[i], lowers[i+1:], WriteOptions{}))
	}
	if diff := cmp.Diff(withoutTimes(merged(t, lowers)), withoutTimes(merged(t, stacked(t, tars...)))); diff != "" {
		t.Errorf("(-once +twice):\n%s", diff)
	}
	target := t.TempDir()
	must(t, rootfs.Mount(target, lowers, "", ""))
	defer rootfs.Unmount(target)
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(target, "opt/bin/p"), &st))
	if st.Nlink != 2 || st.Mode&0o7777 != 0o4755 {
		t.Errorf("opt/bin/p: %d links, mode %o", st.Nlink, st.Mode)
	}
}
