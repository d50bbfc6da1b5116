package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// outside makes a folder with a layer's folder in it, beside others that are not to be touched.
func outside(t testing.TB) (top, dir string) {
	t.Helper()
	top = newDir(t)
	dir = filepath.Join(top, "layer")
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.MkdirAll(filepath.Join(top, "etc"), 0o700))
	must(t, os.WriteFile(filepath.Join(top, "etc/passwd"), []byte("root"), 0o600))
	for _, p := range []string{"etc/passwd", "etc", ""} {
		ts := unix.NsecToTimespec(day.UnixNano())
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(top, p), []unix.Timespec{ts, ts}, 0))
	}
	return top, dir
}

// checkOutside sees that nothing outside the layer's folder has changed.
func checkOutside(t testing.TB, top string) {
	t.Helper()
	names, err := os.ReadDir(top)
	must(t, err)
	if len(names) != 2 {
		t.Errorf("outside: %v", names)
	}
	for name, mode := range map[string]uint32{"": 0o755, "etc": 0o700} {
		var st unix.Stat_t
		must(t, unix.Lstat(filepath.Join(top, name), &st))
		if st.Mode != unix.S_IFDIR|mode || st.Mtim.Sec != day.Unix() {
			t.Errorf("outside: %q has mode %o, time %d", name, st.Mode, st.Mtim.Sec)
		}
	}
	if diff := cmp.Diff([]string{`passwd 100600 0:0 1714979289.000000000 "root"`}, look(t, filepath.Join(top, "etc"))); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
}

// Nothing leads out of the layer's folder.
func TestApplyStaysInside(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		entries []entry
		want    []string // names
	}{
		{"names with ..", []entry{file("../etc/passwd", "x"), file("a/../../../etc/shadow", "x"), dir("..").mode(0o777).time(day.Add(5))}, []string{"etc", "etc/passwd", "etc/shadow"}},
		{"absolute names", []entry{file("/etc/passwd", "x")}, []string{"etc", "etc/passwd"}},
		{"through a link to above", []entry{symlink("l", "../etc"), file("l/passwd", "x")}, []string{"etc", "etc/passwd", "l"}},
		{"through an absolute link", []entry{symlink("l", "/etc"), file("l/passwd", "x")}, []string{"etc", "etc/passwd", "l"}},
		{"through an absolute link in a folder", []entry{symlink("d/l", "/etc"), file("d/l/passwd", "x")}, []string{"d", "d/l", "etc", "etc/passwd"}},
		{"through a link to /proc", []entry{symlink("l", "/proc/self/root"), file("l/x", "x")}, []string{"l", "proc", "proc/self", "proc/self/root", "proc/self/root/x"}},
		{"through two links", []entry{symlink("a", ".."), symlink("b", "a/a/.."), file("b/x", "x")}, []string{"a", "b", "x"}},
		{"a file over a link", []entry{symlink("l", "../etc/passwd"), file("l", "x")}, []string{"l"}},
		{"a folder over a link", []entry{symlink("l", "../etc"), dir("l").mode(0o777), file("l/passwd", "x")}, []string{"l", "l/passwd"}},
		{"a hard link to a link that leads out", []entry{symlink("l", "../etc/passwd"), link("h", "l"), file("h", "x")}, []string{"h", "l"}},
		{"a link made after its folder was opened", []entry{dir("d"), file("d/x", "1"), symlink("d", "../etc"), file("d/passwd", "x")}, []string{"d", "etc", "etc/passwd"}},
		{"a whiteout through a link", []entry{symlink("l", "../etc"), file("l/.wh.passwd", "")}, []string{"etc", "etc/passwd", "l"}},
		{"an opaque marker through a link", []entry{symlink("l", "../etc"), file("l/.wh..wh..opq", "")}, []string{"etc", "l"}},
		{"a long way up", []entry{file(strings.Repeat("../", 100)+"x", "")}, []string{"x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top, dir := outside(t)
			_, err := Apply(t.Context(), bytes.NewReader(makeTar(t, tt.entries...)), dir)
			must(t, err)
			checkOutside(t, top)
			var got []string
			for _, line := range look(t, dir) {
				name, _, _ := strings.Cut(line, " ")
				got = append(got, name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("inside (-want +got):\n%s", diff)
			}
		})
	}
}

// What cannot be unpacked is refused in words.
func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		entries []entry
		err     string
		is      error
	}{
		{"hard link out of the root", []entry{link("h", "../etc/passwd")}, "unpack h: it is a hard link to ../etc/passwd, which this layer does not hold", nil},
		{"hard link through a link", []entry{symlink("l", "../etc"), link("h", "l/passwd")}, "which this layer does not hold", nil},
		{"hard link to a later entry", []entry{link("h", "f"), file("f", "")}, "which this layer does not hold", nil},
		{"hard link to a folder", []entry{dir("d"), link("h", "d")}, "it is a hard link to d, a folder", nil},
		{"hard link to a whiteout", []entry{file(".wh.f", ""), link("h", "f")}, "which this layer does not hold", nil},
		{"whiteout of ..", []entry{file(".wh...", "")}, `it deletes ".."`, ErrFormat},
		{"whiteout of .", []entry{file("d/.wh..", "")}, `it deletes "."`, ErrFormat},
		{"whiteout of nothing", []entry{file(".wh.", "")}, `it deletes ""`, ErrFormat},
		{"a file as a folder", []entry{file("f", ""), file("f/x", "")}, "f is not a folder", unix.ENOTDIR},
		{"links in a circle", []entry{symlink("a", "b"), symlink("b", "a"), file("a/x", "")}, "unpack a/x: ", unix.ELOOP},
		{"a name that is too long", []entry{file(strings.Repeat("n", 256), "")}, "nn…nn", unix.ENAMETOOLONG},
		{"a path that is too long", []entry{file(strings.Repeat(strings.Repeat("n", 200)+"/", 30)+"x", "")}, "unpack nn", unix.ENAMETOOLONG},
		{"an owner beyond all ids", []entry{file("f", "").owner(math.MaxUint32, 0)}, "owner 4294967295:0", ErrFormat},
		{"a negative owner", []entry{file("f", "").owner(0, 1).pax("gid", "-1")}, "", ErrFormat},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top, dir := outside(t)
			_, err := Apply(t.Context(), bytes.NewReader(rawTar(t, tt.entries...)), dir)
			if err == nil || !strings.Contains(err.Error(), tt.err) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			checkOutside(t, top)
		})
	}
}

// rawTar is makeTar, but for ids that package tar does not write.
func rawTar(t testing.TB, entries ...entry) []byte {
	t.Helper()
	for i, e := range entries {
		if e.PAXRecords["gid"] == "" {
			continue
		}
		delete(entries[i].PAXRecords, "gid")
		data := makeTar(t, entries...)
		var h [8]byte // base 256
		for j := range h {
			h[j] = 0xff
		}
		copy(data[116:], h[:])
		sum := 0
		copy(data[148:156], "        ")
		for _, b := range data[:512] {
			sum += int(b)
		}
		copy(data[148:156], fmt.Sprintf("%06o\x00 ", sum))
		return data
	}
	return makeTar(t, entries...)
}

// A tar that ends too early says so, wherever it is cut within an entry; what is no tar, too.
func TestApplyBroken(t *testing.T) {
	t.Parallel()
	good := makeTar(t, file("a", strings.Repeat("x", 700)), file(strings.Repeat("long", 60), "y"))
	for _, at := range []int{1, 100, 511, 513, 1211, 1537, 2000, 2049} {
		_, err := Apply(t.Context(), bytes.NewReader(good[:at]), newDir(t))
		if !errors.Is(err, ErrTruncated) {
			t.Errorf("cut off at %d: %v", at, err)
		}
	}
	junk := bytes.Repeat([]byte("junk"), 1000)
	if _, err := Apply(t.Context(), bytes.NewReader(junk), newDir(t)); !errors.Is(err, ErrFormat) {
		t.Errorf("junk: %v", err)
	}
	lost := errors.New("connection lost")
	_, err := Apply(t.Context(), io.MultiReader(bytes.NewReader(good[:1000]), broken{lost}), newDir(t))
	if !errors.Is(err, lost) || errors.Is(err, ErrTruncated) {
		t.Errorf("a reader that fails: %v", err)
	}
	canceled, cancel := context.WithCancelCause(t.Context())
	cancel(lost)
	if _, err := Apply(canceled, bytes.NewReader(good), newDir(t)); !errors.Is(err, lost) {
		t.Errorf("canceled: %v", err)
	}
}

type broken struct{ error }

func (b broken) Read([]byte) (int, error) { return 0, b.error }

// A size that is only claimed takes no memory and no disk.
func TestApplyHugeSize(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	must(t, tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "f", Size: 1 << 60, Mode: 0o644}))
	b.WriteString("a few bytes")
	dir := newDir(t)
	if _, err := Apply(t.Context(), &b, dir); !errors.Is(err, ErrTruncated) {
		t.Errorf("error %v", err)
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(dir, "f"), &st); err == nil && st.Blocks*512 > 1<<20 {
		t.Errorf("%d bytes on disk", st.Blocks*512)
	}
}

// Many entries, of one folder and of many, in no long time and with few files open.
func TestApplyMany(t *testing.T) {
	t.Parallel()
	const n = 30_000
	r, w := io.Pipe()
	go func() {
		out := tar.NewWriter(w)
		for i := range n {
			name := fmt.Sprintf("f%d", i)
			if i%2 == 1 {
				name = fmt.Sprintf("d%d/e%d/f", i%1000, i%7)
			}
			_ = out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, ModTime: day})
		}
		w.CloseWithError(out.Close())
	}()
	dir, err := os.MkdirTemp("/dev/shm", "layer") // a disk would take ten times as long
	must(t, err)
	t.Cleanup(func() { must(t, removeAll(dir)) })
	a, err := Apply(t.Context(), r, dir)
	must(t, err)
	names, err := os.ReadDir(dir)
	must(t, err)
	if want := n/2 + 500; len(names) != want || len(a.Implied) != 500+3500 {
		t.Errorf("%d names, want %d; %d implied folders", len(names), want, len(a.Implied))
	}
}

// A tree deeper than there are files to open, and its removal.
func TestApplyDeep(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("d/", 500)
	dir, a := apply(t, file(name+"f", "x"))
	if len(a.Implied) != 500 {
		t.Errorf("%d implied folders", len(a.Implied))
	}
	must(t, Adopt(dir, a.Implied[:50], []string{newDir(t)}))
	if got := contents(t, write(t, dir, nil, WriteOptions{})); !strings.HasSuffix(got, name+"f") {
		t.Error("not written")
	}
	must(t, removeAll(dir))
	if _, err := os.Lstat(dir); err == nil {
		t.Error("it is still there")
	}
}

// FuzzApply: whatever the tar, nothing is written outside the folder; and what Apply takes, Write can write.
func FuzzApply(f *testing.F) {
	for _, entries := range [][]entry{
		{file("../x", "1"), symlink("l", "../etc"), file("l/passwd", "2"), link("h", "l/passwd")},
		{dir("d").mode(0o777), file("d/.wh..wh..opq", ""), file(".wh.x", ""), file(".wh.d", "")},
		{symlink("a", "b"), symlink("b", "/proc/self/root/.."), file("a/x", ""), dir("a")},
		{file("f", "1").xattr("user.x", "y").owner(3, 4), link("g", "f"), dir("f"), file("f/f", "")},
		{entry{tar.Header{Typeflag: tar.TypeChar, Name: "c", Devmajor: 1, Devminor: 3}, ""}, entry{tar.Header{Typeflag: tar.TypeFifo, Name: "p"}, ""}},
	} {
		f.Add(makeTar(f, entries...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if mayBeSparse(data) {
			t.Skip() // writing out zeros for ever finds nothing
		}
		top, dir := outside(t)
		a, err := Apply(t.Context(), bytes.NewReader(data), dir)
		checkOutside(t, top)
		if err != nil {
			return
		}
		must(t, Adopt(dir, a.Implied, nil))
		if err := Write(t.Context(), io.Discard, dir, nil, WriteOptions{}); err != nil {
			var e *EntryError
			if !errors.As(err, &e) || e.Advice == "" {
				t.Errorf("write: %v", err)
			}
		}
	})
}

func mayBeSparse(data []byte) bool {
	for at := 156; at < len(data); at += 512 {
		if data[at] == tar.TypeGNUSparse {
			return true
		}
	}
	return bytes.Contains(data, []byte("GNU.sparse"))
}
