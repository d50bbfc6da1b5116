package layer

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Every header of a layer, in order, and the digest of all of it: images are to come out the same for ever.
func TestWriteGolden(t *testing.T) {
	t.Parallel()
	low := base(t)
	fine := day.Add(987654321)
	upper, _ := apply(t,
		dir("b").mode(0o1777), file("b/suid", "text").mode(0o6755).owner(1, 2).time(fine),
		file("b/ping", "x").mode(0o755).xattr(xattrCapability, ping).xattr("user.note", "x"),
		symlink("b/ü", "no/where").owner(5, 6), link("c", "b/suid"), file(".wh.a", ""), file("d/.wh.x", ""),
		entry{tar.Header{Typeflag: tar.TypeFifo, Name: "p", Mode: 0o620, ModTime: day}, ""},
	)
	must(t, Adopt(upper, []string{"d"}, []string{low}))
	data := write(t, upper, []string{low}, WriteOptions{})
	var got []string
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		if !h.AccessTime.IsZero() || !h.ChangeTime.IsZero() || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s: times %v, %v, names %q, %q", h.Name, h.AccessTime, h.ChangeTime, h.Uname, h.Gname)
		}
		got = append(got, fmt.Sprintf("%c %s %o %d:%d %v %q %q %v", h.Typeflag, h.Name, h.Mode, h.Uid, h.Gid, h.ModTime.UTC().Format(time.RFC3339Nano), h.Linkname, content, h.Format))
	}
	want := []string{
		`0 .wh.a 0 0:0 1970-01-01T00:00:00Z "" "" USTAR`,
		`5 b/ 1777 0:0 2024-05-06T07:08:09Z "" "" USTAR`,
		`0 b/ping 755 0:0 2024-05-06T07:08:09Z "" "x" PAX`,
		`0 b/suid 6755 1:2 2024-05-06T07:08:09Z "" "text" USTAR`,
		`2 b/ü 777 5:6 2024-05-06T07:08:09Z "no/where" "" PAX`,
		`1 c 6755 1:2 2024-05-06T07:08:09Z "b/suid" "" USTAR`,
		`5 d/ 755 0:0 2024-05-06T07:08:09Z "" "" USTAR`,
		`0 d/.wh.x 0 0:0 1970-01-01T00:00:00Z "" "" USTAR`,
		`6 p 620 0:0 2024-05-06T07:08:09Z "" "" USTAR`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	const digest = "42f0f2c0e18ed46c97bd312ee7f0137f45b112e526988cfd744fffc1ea3fe4f6"
	if sum := fmt.Sprintf("%x", sha256.Sum256(data)); sum != digest {
		t.Errorf("digest %s, want %s", sum, digest)
	}
	if again := write(t, upper, []string{low}, WriteOptions{}); !bytes.Equal(again, data) {
		t.Error("a second time it is another")
	}
}

// Of attributes only capabilities are written.
func TestWriteXattrs(t *testing.T) {
	t.Parallel()
	upper := overlaid(t, []string{base(t)}, func(root string) {
		for _, name := range []string{"d/ping", "note"} {
			must(t, os.WriteFile(filepath.Join(root, name), []byte("x"), 0o755))
			must(t, unix.Setxattr(filepath.Join(root, name), "user.note", []byte("x"), 0))
		}
		must(t, unix.Setxattr(filepath.Join(root, "d/ping"), xattrCapability, []byte(ping), 0))
		must(t, unix.Setxattr(filepath.Join(root, "d"), "user.note", []byte("x"), 0))
	})
	for r := tar.NewReader(bytes.NewReader(write(t, upper, nil, WriteOptions{}))); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		want := map[string]string(nil)
		if h.Name == "d/ping" {
			want = map[string]string{paxXattr + xattrCapability: ping}
		}
		if diff := cmp.Diff(want, h.PAXRecords); diff != "" {
			t.Errorf("%s (-want +got):\n%s", h.Name, diff)
		}
	}
}

// A capability that was given or taken is a change, though nothing else has.
func TestWriteCapabilityChange(t *testing.T) {
	t.Parallel()
	low, _ := apply(t, file("with", "x").xattr(xattrCapability, ping), file("without", "x"), file("same", "x").xattr(xattrCapability, ping))
	upper, _ := apply(t, file("with", "x"), file("without", "x").xattr(xattrCapability, ping), file("same", "x").xattr(xattrCapability, ping))
	if got := contents(t, write(t, upper, []string{low}, WriteOptions{})); got != "with without" {
		t.Errorf("wrote %s", got)
	}
}

// Later times become the epoch, earlier ones stay.
func TestWriteEpoch(t *testing.T) {
	t.Parallel()
	upper, _ := apply(t, file("early", "").time(day.Add(-time.Hour)), file("late", "").time(day.Add(time.Hour)), dir("d").time(day.Add(time.Hour)), file(".wh.x", ""))
	low, _ := apply(t, file("x", ""))
	for r := tar.NewReader(bytes.NewReader(write(t, upper, []string{low}, WriteOptions{Epoch: &day}))); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		want := map[string]time.Time{"early": day.Add(-time.Hour), "late": day, "d/": day, ".wh.x": time.Unix(0, 0)}[h.Name]
		if !h.ModTime.Equal(want) {
			t.Errorf("%s: %v, want %v", h.Name, h.ModTime, want)
		}
	}
}

func TestWriteNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 255)
	deep := strings.Repeat(long+"/", 10)
	want := []entry{file("ü\n\xff", "1"), file(deep+long, "2"), symlink("l", strings.Repeat("t", 4000)), file("-rf", "3"), file(" ", "4"), file(`\`, "5")}
	upper, _ := apply(t, want...)
	got := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(write(t, upper, nil, WriteOptions{}))); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		got[h.Name] = string(content) + h.Linkname
	}
	for _, e := range want {
		if got[e.Name] != e.data+e.Linkname {
			t.Errorf("%.40q: %.40q", e.Name, got[e.Name])
		}
	}
}

// Ids that need more than the eight octal digits of an old header.
func TestWriteBigIDs(t *testing.T) {
	t.Parallel()
	for _, id := range []int{65535, 0o7777777 + 1, math.MaxUint32 - 1} {
		upper := newDir(t)
		must(t, os.WriteFile(filepath.Join(upper, "f"), nil, 0o644))
		if err := os.Chown(filepath.Join(upper, "f"), id, id); errors.Is(err, unix.EINVAL) {
			t.Logf("there is no id %d here", id)
			continue
		}
		h, err := tar.NewReader(bytes.NewReader(write(t, upper, nil, WriteOptions{}))).Next()
		must(t, err)
		if h.Uid != id || h.Gid != id {
			t.Errorf("%d: %d:%d", id, h.Uid, h.Gid)
		}
	}
}

// Holes are written as zeros: what a layer's digest is must not depend on the disk.
func TestWriteSparse(t *testing.T) {
	t.Parallel()
	upper := newDir(t)
	f, err := os.Create(filepath.Join(upper, "f"))
	must(t, err)
	_, err = f.WriteAt([]byte("data"), 3<<20)
	must(t, err)
	must(t, f.Truncate(5<<20))
	must(t, f.Close())
	r := tar.NewReader(bytes.NewReader(write(t, upper, nil, WriteOptions{})))
	h, err := r.Next()
	must(t, err)
	content, err := io.ReadAll(r)
	must(t, err)
	if h.Size != 5<<20 || len(content) != 5<<20 || string(content[3<<20:3<<20+4]) != "data" || len(bytes.Trim(content, "\x00")) != 4 {
		t.Errorf("size %d, content %d bytes", h.Size, len(content))
	}
}
