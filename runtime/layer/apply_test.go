package layer

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestApply(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("l", 250)
	fine := day.Add(123456789)
	for _, tt := range []struct {
		name    string
		entries []entry
		want    []string
	}{
		{"owners, modes, times", []entry{
			dir("d").mode(0o1777).owner(3, 4),
			file("d/suid", "x").mode(0o6755).owner(1, 2),
			file("d/none", "").mode(0).time(fine),
			symlink("d/l", "no/where").owner(5, 6),
		}, []string{
			"d 41777 3:4 1714979289.000000000",
			"d/l 120777 5:6 1714979289.000000000 -> \"no/where\"",
			"d/none 100000 0:0 1714979289.123456789 \"\"",
			"d/suid 106755 1:2 1714979289.000000000 \"x\"",
		}},
		{"a folder's time is not that of what comes into it later", []entry{
			dir("d"), dir("d/e").mode(0o500), file("d/e/f", ""), file("d/g", ""),
		}, []string{
			"d 40755 0:0 1714979289.000000000",
			"d/e 40500 0:0 1714979289.000000000",
			"d/e/f 100644 0:0 1714979289.000000000 \"\"",
			"d/g 100644 0:0 1714979289.000000000 \"\"",
		}},
		{"capabilities outlast the owner", []entry{
			file("ping", "x").mode(0o755).owner(7, 7).xattr(xattrCapability, ping).xattr("user.note", "a\x00b"),
		}, []string{
			`ping 100755 7:7 1714979289.000000000 "x" security.capability="` +
				`\x01\x00\x00\x02\x00 \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" user.note="a\x00b"`,
		}},
		{"hard links, to links too", []entry{
			file("a", "x"), link("b", "a"), symlink("s", "a"), link("t", "/s"), link("c", "./b"), link("a", "a"),
		}, []string{
			"a 100644 0:0 1714979289.000000000 \"x\"",
			"b 100644 0:0 1714979289.000000000 linked to a \"x\"",
			"c 100644 0:0 1714979289.000000000 linked to a \"x\"",
			"s 120777 0:0 1714979289.000000000 -> \"a\"",
			"t 120777 0:0 1714979289.000000000 linked to s -> \"a\"",
		}},
		{"whiteouts", []entry{
			file(".wh.gone", ""), dir("d"), file("d/.wh..wh..opq", ""), file("d/.wh.a", ""), file("d/b", ""),
			file(".wh..wh.plnk/1.2", ""), file(".wh..wh.aufs", ""),
		}, []string{
			"d 40755 0:0 1714979289.000000000 user.overlay.opaque=\"y\"",
			"d/a whiteout",
			"d/b 100644 0:0 1714979289.000000000 \"\"",
			"gone whiteout",
		}},
		{"a whiteout and an entry of one name", []entry{
			file(".wh.a", ""), dir("a"), // the lower folder is not seen
			dir("b"), file(".wh.b", ""),
			file(".wh.c", ""), file("c/x", ""),
			file(".wh.d", ""), file("d", "new"),
			file("e", "new"), file(".wh.e", ""),
		}, []string{
			"a 40755 0:0 1714979289.000000000 user.overlay.opaque=\"y\"",
			"b 40755 0:0 1714979289.000000000 user.overlay.opaque=\"y\"",
			"c 40755 0:0 0.000000000 user.overlay.opaque=\"y\"",
			"c/x 100644 0:0 1714979289.000000000 \"\"",
			"d 100644 0:0 1714979289.000000000 \"new\"",
			"e 100644 0:0 1714979289.000000000 \"new\"",
		}},
		{"names", []entry{
			file(long+"/"+long, ""), file("ü\xff \n", ""), file("./a//b/./c/../d", ""), dir("./"), file("/abs", ""),
		}, []string{
			"a 40755 0:0 0.000000000",
			"a/b 40755 0:0 0.000000000",
			"a/b/d 100644 0:0 1714979289.000000000 \"\"",
			"abs 100644 0:0 1714979289.000000000 \"\"",
			long + " 40755 0:0 0.000000000",
			long + "/" + long + " 100644 0:0 1714979289.000000000 \"\"",
			"ü\xff \n 100644 0:0 1714979289.000000000 \"\"",
		}},
		{"later entries win", []entry{
			file("a", "old"), file("a", "newer"),
			dir("d"), file("d/x/y", ""), file("d", "file now"),
			file("f", ""), dir("f"), file("f/x", ""),
			dir("g").mode(0o700), file("g/x", ""), dir("g").mode(0o711),
		}, []string{
			"a 100644 0:0 1714979289.000000000 \"newer\"",
			"d 100644 0:0 1714979289.000000000 \"file now\"",
			"f 40755 0:0 1714979289.000000000",
			"f/x 100644 0:0 1714979289.000000000 \"\"",
			"g 40711 0:0 1714979289.000000000",
			"g/x 100644 0:0 1714979289.000000000 \"\"",
		}},
		{"folders that are links", []entry{
			symlink("lib", "usr/lib"), file("lib/a", ""), symlink("usr/lib/up", "../../etc"), file("lib/up/b", ""),
		}, []string{
			"etc 40755 0:0 0.000000000",
			"etc/b 100644 0:0 1714979289.000000000 \"\"",
			"lib 120777 0:0 1714979289.000000000 -> \"usr/lib\"",
			"usr 40755 0:0 0.000000000",
			"usr/lib 40755 0:0 0.000000000",
			"usr/lib/a 100644 0:0 1714979289.000000000 \"\"",
			"usr/lib/up 120777 0:0 1714979289.000000000 -> \"../../etc\"",
		}},
		{"fifo; times that cannot be", []entry{
			{Header: tar.Header{Typeflag: tar.TypeFifo, Name: "p", Mode: 0o620, Uid: 1, ModTime: day}},
			file("old", "").time(time.Unix(-5, 0)), file("new", "").time(time.Unix(1<<40, 0)),
		}, []string{
			"new 100644 0:0 0.000000000 \"\"",
			"old 100644 0:0 0.000000000 \"\"",
			"p 10620 1:0 1714979289.000000000 0:0",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, _ := apply(t, tt.entries...)
			if diff := cmp.Diff(tt.want, look(t, dir)); diff != "" {
				t.Errorf("the folder (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplied(t *testing.T) {
	t.Parallel()
	dir, got := apply(t,
		file("a/b/c", ""), dir("a"), // a folder's own entry may come after what is in it
		file("x/y", ""), file("x", ""),
		symlink("l", "m"), file("l/f", ""),
		file("n/.wh.gone", ""),
		file("attr", "").xattr("user.overlay.opaque", "y").xattr("trusted.x", "1").xattr("user.ok", "1"),
		symlink("s", "t").xattr("user.x", "1"),
		entry{Header: tar.Header{Typeflag: tar.TypeChar, Name: "white", Mode: 0o600}},
		file(".wh..wh.aufs", ""),
	)
	want := Applied{
		Implied: []string{"a/b", "m", "n"},
		Skipped: []Skipped{
			{"attr", "trusted.x: not for a layer to set"},
			{"attr", "user.overlay.opaque: has a meaning to overlayfs"},
			{"s", "user.x: only files and folders can have it"},
			{"white", "device 0:0: means a deleted file to overlayfs"},
			{".wh..wh.aufs", "bookkeeping of AUFS, not part of the image"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v, err := getxattr(filepath.Join(dir, "attr"), "user.ok"); err != nil || v != "1" {
		t.Errorf("user.ok: %q, %v", v, err)
	}
}

// No devices are made, not even by real root: a RUN in a chroot could open them. There is the rest of the layer, and it
// is told.
func TestApplyDevice(t *testing.T) {
	t.Parallel()
	dir, got := apply(t,
		entry{Header: tar.Header{Typeflag: tar.TypeChar, Name: "dev/null", Mode: 0o666, Devmajor: 1, Devminor: 3, ModTime: day}},
		file("after", ""),
	)
	var st unix.Stat_t
	err := unix.Stat(filepath.Join(dir, "dev/null"), &st)
	if err != unix.ENOENT || !cmp.Equal(got.Skipped, []Skipped{{"dev/null", "device 1:3: a build makes no devices"}}) {
		t.Errorf("device: %v, mode %o, device %d, skipped %v", err, st.Mode, st.Rdev, got.Skipped)
	}
	if _, err := os.Stat(filepath.Join(dir, "after")); err != nil {
		t.Error(err)
	}
}

// A sparse file (GNU format 1.0) of 1 GiB takes a few blocks.
func TestApplySparse(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/sparse.tar")
	must(t, err)
	dir := newDir(t)
	_, err = Apply(t.Context(), bytes.NewReader(data), dir)
	must(t, err)
	for _, name := range []string{"gnu", "pax"} {
		var st unix.Stat_t
		must(t, unix.Stat(filepath.Join(dir, name), &st))
		if st.Size != 64<<20 || st.Blocks*512 > 1<<20 {
			t.Errorf("%s: size %d, %d bytes on disk; want 64 MiB, under 1 MiB", name, st.Size, st.Blocks*512)
		}
		f, err := os.Open(filepath.Join(dir, name))
		must(t, err)
		defer f.Close()
		var b [4]byte
		_, err = f.ReadAt(b[:], 32<<20)
		must(t, err)
		if string(b[:]) != "data" {
			t.Errorf("%s holds %q in its middle, want \"data\"", name, b)
		}
	}
}

// What follows the archive is read: it belongs to the digest.
func TestApplyReadsAll(t *testing.T) {
	t.Parallel()
	r := bytes.NewReader(append(makeTar(t, file("a", "")), make([]byte, 1<<20)...))
	_, err := Apply(t.Context(), r, newDir(t))
	must(t, err)
	if r.Len() != 0 {
		t.Errorf("%d bytes were left unread", r.Len())
	}
}
