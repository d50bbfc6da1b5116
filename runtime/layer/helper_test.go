package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// entry is one entry of a tar for tests: a header, with data for its content.
type entry struct {
	tar.Header
	data string
}

func file(name, data string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, ModTime: day}, data}
}

func dir(name string) entry {
	return entry{tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, ModTime: day}, ""}
}

func symlink(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777, ModTime: day}, ""}
}

func link(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644, ModTime: day}, ""}
}

func (e entry) mode(m int64) entry      { e.Mode = m; return e }
func (e entry) owner(u, g int) entry    { e.Uid, e.Gid = u, g; return e }
func (e entry) time(t time.Time) entry  { e.ModTime = t; return e }
func (e entry) xattr(k, v string) entry { return e.pax(paxXattr+k, v) }
func (e entry) pax(k, v string) entry {
	records := map[string]string{k: v}
	for k, v := range e.PAXRecords {
		records[k] = v
	}
	e.PAXRecords = records
	return e
}

var day = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// ping is what setcap cap_net_raw+ep stores (version 2).
const ping = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func makeTar(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		e.Size = int64(len(e.data))
		e.Format = tar.FormatPAX
		must(t, w.WriteHeader(&e.Header))
		_, err := io.WriteString(w, e.data)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

// apply applies a tar to a fresh folder.
func apply(t testing.TB, entries ...entry) (string, Applied) {
	t.Helper()
	dir := newDir(t)
	a, err := Apply(t.Context(), bytes.NewReader(makeTar(t, entries...)), dir)
	must(t, err)
	return dir, a
}

func write(t testing.TB, upper string, lowers []string, o WriteOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, Write(t.Context(), &b, upper, lowers, o))
	return b.Bytes()
}

// newDir is a fresh folder of mode 0755, as those of drafts.
func newDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// look says everything about a tree that matters, one line an entry.
func look(t testing.TB, root string) []string {
	t.Helper()
	type id struct{ dev, ino uint64 }
	first := map[id]string{}
	var lines []string
	must(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, _ := filepath.Rel(root, path)
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		line := fmt.Sprintf("%s %o %d:%d", name, st.Mode, st.Uid, st.Gid)
		if st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 {
			lines = append(lines, name+" whiteout")
			return nil
		}
		line += fmt.Sprintf(" %d.%09d", st.Mtim.Sec, st.Mtim.Nsec)
		if st.Nlink > 1 && !isDir(&st) {
			if f, ok := first[id{st.Dev, st.Ino}]; ok {
				line += " linked to " + f
			} else {
				first[id{st.Dev, st.Ino}] = name
			}
		}
		lines = append(lines, line+details(t, path, &st))
		return nil
	}))
	sort.Strings(lines)
	return lines
}

// details are what depends on the kind of file, and the extended attributes.
func details(t testing.TB, path string, st *unix.Stat_t) (s string) {
	switch {
	case isSymlink(st):
		target, err := os.Readlink(path)
		must(t, err)
		return fmt.Sprintf(" -> %q", target)
	case isRegular(st):
		data, err := os.ReadFile(path)
		must(t, err)
		if len(data) > 40 {
			s = fmt.Sprintf(" %d bytes, %x", len(data), sha256.Sum256(data))
		} else {
			s = fmt.Sprintf(" %q", data)
		}
	case !isDir(st):
		return fmt.Sprintf(" %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	}
	var list [4096]byte
	n, err := unix.Llistxattr(path, list[:])
	must(t, err)
	for key := range strings.SplitSeq(strings.TrimRight(string(list[:n]), "\x00"), "\x00") {
		if key == "" || key == "security.selinux" {
			continue
		}
		value, err := getxattr(path, key)
		must(t, err)
		s += fmt.Sprintf(" %s=%q", key, value)
	}
	return s
}

func getxattr(path, key string) (string, error) {
	var value [4096]byte
	n, err := unix.Lgetxattr(path, key, value[:])
	return string(value[:max(n, 0)]), err
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		if h := hint(err); h != "" {
			err = fmt.Errorf("%w\nhint: %s", err, h)
		}
		t.Fatal(err)
	}
}

func ctx() context.Context { return context.Background() }

// shell runs a script in a folder.
func shell(t testing.TB, dir, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}
