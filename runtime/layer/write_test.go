package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shbuild/shbuild/runtime/rootfs"
)

// overlaid changes a tree of layers as a step of a build does, and gives the folder with the changes.
func overlaid(t testing.TB, lowers []string, change func(root string)) string {
	t.Helper()
	top := t.TempDir()
	upper, work, root := filepath.Join(top, "u"), filepath.Join(top, "w"), filepath.Join(top, "r")
	for _, d := range []string{upper, work, root} {
		must(t, os.Mkdir(d, 0o755))
	}
	must(t, rootfs.Mount(root, lowers, upper, work))
	defer func() { must(t, rootfs.Unmount(root)) }()
	change(root)
	return upper
}

// merged says what a stack of layers shows.
func merged(t testing.TB, lowers []string) []string {
	t.Helper()
	root := t.TempDir()
	must(t, rootfs.Mount(root, lowers, "", ""))
	defer func() { must(t, rootfs.Unmount(root)) }()
	return look(t, root)
}

// base is the lower layer of most tests.
func base(t testing.TB) string {
	t.Helper()
	fine := day.Add(5)
	dir, _ := apply(t,
		file("a", "1"), file("fine", "1").time(fine), symlink("l", "a"), file("h1", "h"), link("h2", "h1"),
		dir("d"), file("d/x", "x"), file("d/y", "y"), dir("d/e"), file("d/e/z", "z"), dir("o").owner(3, 4).mode(0o700), file("o/f", ""),
	)
	return dir
}

// What is written of each change. A name stands for its entry; "b = a" is a hard link.
func TestWriteChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change string // shell
		want   string
	}{
		{"nothing", "true", ""},
		{"a new file", "echo 1 >new", "new"},
		{"new files below: the folder comes with them", "echo 1 >d/e/new", "d/ d/e/ d/e/new"},
		{"changed content", "echo 2 >d/x", "d/ d/x"},
		{"mode of a file", "chmod 600 a", "a"},
		{"mode of a folder", "chmod 700 d/e", "d/ d/e/"},
		{"owner of a folder", "chown 3:4 d", "d/"},
		{"time of a file", "touch -d 2001-01-01 a", "a"},
		{"time of a folder is nothing", "touch d", ""},
		{"of the root nothing is written", "chmod 700 . && chown 3:4 .", ""},
		{"copied up and left alone", "cat </dev/null >>a && touch -d @1714979289 a", ""},
		{"the same, with a fraction of a second", "cat </dev/null >>fine && touch -r /proc/self/fd/9 fine 9<fine", ""},
		{"changed and changed back", "chmod 600 a && chmod 644 a", ""},
		{"other content of one size and time", "printf 2 >a && touch -d @1714979289 a", "a"},
		{"folder made and removed", "mkdir new && rmdir new && echo >f && rm f", ""},
		{"deleted file", "rm a", ".wh.a"},
		{"deleted in a folder", "rm d/x", "d/ d/.wh.x"},
		{"deleted folder", "rm -r d", ".wh.d"},
		{"several deleted (overlayfs links whiteouts to each other)", "rm a fine l d/x", ".wh.a d/ d/.wh.x .wh.fine .wh.l"},
		{"emptied folder", "rm -r d/*", "d/ d/.wh.e d/.wh.x d/.wh.y"},
		{"folder made anew", "rm -r d && mkdir d && echo >d/x", "d/ d/.wh.e d/x d/.wh.y"},
		{"folders made anew in each other", "rm -r d && mkdir -p d/e && echo >d/e/n", "d/ d/e/ d/e/n d/e/.wh.z d/.wh.x d/.wh.y"},
		{"folder made anew with the same in it", "cp -a d d2 && rm -r d && mv d2 d", ""},
		{"folders made anew in each other", "rm -r d && mkdir -p d/e && echo >d/e/new", "d/ d/e/ d/e/new d/e/.wh.z d/.wh.x d/.wh.y"},
		{"file to folder", "rm a && mkdir a && echo >a/x", "a/ a/x"},
		{"folder to file", "rm -r d && echo >d", "d"},
		{"folder to symlink", "rm -r d && ln -s o d", "d"},
		{"symlink to another", "ln -sfn d l", "l"},
		{"symlink made again, of one time", "rm l && ln -s b l && touch -h -d @1714979289 l", "l"},
		{"symlink made again, the same", "rm l && ln -s a l && touch -h -d @1714979289 l", ""},
		{"renamed file", "mv a b", ".wh.a b"},
		{"renamed folder (mv copies and deletes)", "mv d n", ".wh.d n/ n/e/ n/e/z n/x n/y"},
		{"hard links", "echo >n1 && ln n1 n2 && ln n1 d/n3", "d/ d/n3 n1=d/n3 n2=d/n3"},
		{"hard link to a lower file: a file of its own", "ln a b", "b"},
		{"and a changed one", "ln a b && chmod 600 a", "a b=a"},
		{"one name of two below is changed", "echo 2 >h1", "h1"},
		{"FIFO", "mkfifo p", "p"},
		{"order of names is that of bytes, folder by folder", "mkdir n && echo >n/x && echo >n-a && echo >n.b && echo >N", "N n/ n/x n-a n.b"},
		{"folder on the way changed too: once", "chmod 711 d && rm d/x && echo >d/e/n", "d/ d/e/ d/e/n d/.wh.x"},
		{"with an owner of its own", "echo >o/n", "o/ o/n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			low := base(t)
			upper := overlaid(t, []string{low}, func(root string) { shell(t, root, tt.change) })
			data := write(t, upper, []string{low}, WriteOptions{})
			if got := contents(t, data); got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.change, got, tt.want)
			}
			checkTree(t, data, upper, []string{low})
		})
	}
}

// checkTree sees that the tar, unpacked over the lower layers, shows what the changes themselves show.
func checkTree(t *testing.T, data []byte, upper string, lowers []string) {
	t.Helper()
	dir := newDir(t)
	a, err := Apply(t.Context(), bytes.NewReader(data), dir)
	must(t, err)
	must(t, Adopt(dir, a.Implied, lowers))
	got, want := withoutTimes(merged(t, append([]string{dir}, lowers...))), withoutTimes(merged(t, append([]string{upper}, lowers...)))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unpacked again it is (-want +got):\n%s", diff)
	}
}

// withoutTimes leaves out what a tar does not keep: times of folders that have not changed themselves and
// fractions of a second, and links to files of lower layers.
func withoutTimes(lines []string) []string {
	var out []string
	for _, line := range lines {
		words := strings.SplitN(line, " ", 5)
		words[3] = ""
		if len(words) > 4 && strings.HasPrefix(words[4], "linked to ") {
			_, words[4], _ = strings.Cut(words[4][len("linked to "):], " ")
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func contents(t testing.TB, data []byte) string {
	t.Helper()
	var list []string
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		hdr, err := r.Next()
		if err == io.EOF {
			return strings.Join(list, " ")
		}
		must(t, err)
		name := hdr.Name
		if hdr.Typeflag == tar.TypeLink {
			name += "=" + hdr.Linkname
		}
		list = append(list, name)
	}
}

// Several layers below: what the topmost that has a say shows is what counts.
func TestWriteOverSeveral(t *testing.T) {
	t.Parallel()
	bottom, _ := apply(t, file("a", "1"), file("b", "1"), dir("d"), file("d/x", "1"), dir("e"), file("e/x", "1"), file("e/y", "1"))
	middle, _ := apply(t, file(".wh.a", ""), file("b", "2"), file(".wh.d", ""), dir("d"), file("d/y", "2"), dir("e"), file("e/.wh.x", ""), file("e/z", "2"))
	upper, _ := apply(t,
		file("a", "1"),             // was deleted: new
		file("b", "1"),             // as it was at the bottom, which is not seen
		file("d/x", "1"),           // is not seen, since d was made anew
		file("d/.wh.y", ""),        // deleted
		file("e/.wh..wh..opq", ""), // what is seen in e: y, z
		file("e/y", "1"),
	)
	lowers := []string{middle, bottom}
	must(t, Adopt(upper, []string{"d", "e"}, lowers))
	data := write(t, upper, lowers, WriteOptions{})
	if got, want := contents(t, data), "a b d/ d/x d/.wh.y e/ e/.wh.z"; got != want {
		t.Errorf("wrote %s, want %s", got, want)
	}
	checkTree(t, data, upper, lowers)
}

// A whiteout of what is not there is not written; without lower layers none is.
func TestWriteNeedlessWhiteouts(t *testing.T) {
	t.Parallel()
	upper, _ := apply(t, file(".wh.nothing", ""), dir("d"), file("d/.wh..wh..opq", ""), file("d/.wh.x", ""))
	if got := contents(t, write(t, upper, []string{base(t)}, WriteOptions{})); got != "d/ d/.wh.e d/.wh.x d/.wh.y" {
		t.Errorf("over a layer: %s", got)
	}
	if got := contents(t, write(t, upper, nil, WriteOptions{})); got != "d/" {
		t.Errorf("over nothing: %s", got)
	}
}

func TestWriteSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "s") // a socket's path is short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	defer l.Close()
	must(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o644))
	if got := contents(t, write(t, dir, nil, WriteOptions{})); got != "f" {
		t.Errorf("wrote %s", got)
	}
}

// A name that would mean a deletion cannot be written.
func TestWriteReservedName(t *testing.T) {
	t.Parallel()
	upper := newDir(t)
	must(t, os.MkdirAll(filepath.Join(upper, "d/.wh.x"), 0o755))
	err := Write(t.Context(), io.Discard, upper, nil, WriteOptions{})
	var e *EntryError
	if !errors.As(err, &e) || e.Name != "d/.wh.x" || e.Hint() == "" {
		t.Errorf("error %v, hint %q", err, hint(err))
	}
}

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	upper, _ := apply(t, file("f", "x"))
	full := errors.New("full")
	if err := Write(ctx(), failing{full}, upper, nil, WriteOptions{}); !errors.Is(err, full) || err.Error() != "write the layer: full" {
		t.Errorf("a full disk: %v", err)
	}
	canceled, cancel := context.WithCancelCause(ctx())
	cancel(full)
	if err := Write(canceled, io.Discard, upper, nil, WriteOptions{}); !errors.Is(err, full) {
		t.Errorf("canceled: %v", err)
	}
	missing := filepath.Join(upper, "missing")
	if err := Write(ctx(), io.Discard, missing, nil, WriteOptions{}); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing: %v", err)
	}
	if err := Write(ctx(), io.Discard, upper, []string{missing}, WriteOptions{}); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing below: %v", err)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }
