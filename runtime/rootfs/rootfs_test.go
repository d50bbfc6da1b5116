package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestMount(t *testing.T) {
	t.Parallel()
	top, bottom, upper := layer(t, "a", "top"), layer(t, "a", "bottom"), layer(t)
	put(t, bottom, "b", "bottom")
	t.Run("writable", func(t *testing.T) {
		target, work := t.TempDir(), t.TempDir()
		mount(t, target, []string{top, bottom}, upper, work)
		check(t, target, map[string]string{"a": "top", "b": "bottom"})
		put(t, target, "c", "new")
		must(t, os.Remove(filepath.Join(target, "a")))
		must(t, Unmount(target))
		check(t, target, map[string]string{})
		var st unix.Stat_t
		must(t, unix.Lstat(filepath.Join(upper, "a"), &st))
		if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != 0 {
			t.Errorf("the deleted file is not a whiteout: mode %o, device %d", st.Mode, st.Rdev)
		}
		target = t.TempDir() // what was written is a layer now
		mount(t, target, []string{upper, top, bottom}, "", "")
		check(t, target, map[string]string{"b": "bottom", "c": "new"})
	})
	t.Run("read-only", func(t *testing.T) {
		target := t.TempDir()
		mount(t, target, []string{top, bottom}, "", "")
		check(t, target, map[string]string{"a": "top", "b": "bottom"})
		checkReadOnly(t, target)
	})
}

func TestMountFew(t *testing.T) {
	t.Parallel()
	t.Run("one layer, read-only", func(t *testing.T) {
		dir, target := layer(t, "a", "1"), t.TempDir()
		must(t, unix.Mknod(filepath.Join(dir, "gone"), unix.S_IFCHR, 0))
		mount(t, target, []string{dir}, "", "")
		check(t, target, map[string]string{"a": "1"}) // the whiteout is not seen
		checkReadOnly(t, target)
	})
	t.Run("scratch, writable", func(t *testing.T) {
		target, upper := t.TempDir(), t.TempDir()
		mount(t, target, nil, upper, t.TempDir())
		put(t, target, "a", "1")
		must(t, Unmount(target))
		check(t, upper, map[string]string{"a": "1"})
	})
	t.Run("scratch, read-only", func(t *testing.T) {
		target := t.TempDir()
		mount(t, target, nil, "", "")
		check(t, target, map[string]string{})
		checkReadOnly(t, target)
	})
	t.Run("target not empty", func(t *testing.T) {
		if err := Mount(layer(t, "x", ""), []string{layer(t, "a", "1")}, "", ""); err == nil {
			t.Error("mounted; what is in the mount point would be part of the tree")
		}
	})
	t.Run("the caller's slice stays", func(t *testing.T) {
		lowers := make([]string, 1, 4)
		lowers[0] = layer(t, "a", "1")
		mount(t, t.TempDir(), lowers, "", "")
		if got := lowers[:2][1]; got != "" {
			t.Errorf("Mount wrote %q behind the end of lowers", got)
		}
	})
}

func TestMountPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"a:b", "a,b", `a\b`, `a\:b`, "a b\tc\nd", "ü\xff", "%s", "lowerdir=x,upperdir=/", strings.Repeat("n", 255),
		strings.Repeat(strings.Repeat("d", 200)+"/", 10) + "x",
	} {
		t.Run(strconv.Quote(name[:min(len(name), 20)]), func(t *testing.T) {
			dir := func() string {
				d := filepath.Join(t.TempDir(), name)
				must(t, os.MkdirAll(d, 0o755))
				return d
			}
			low1, low2, upper, work, target := dir(), dir(), dir(), dir(), dir()
			put(t, low1, "a", "1")
			put(t, low2, "b", "2")
			mount(t, target, []string{low1, low2}, upper, work)
			check(t, target, map[string]string{"a": "1", "b": "2"})
			put(t, target, "c", "3")
			must(t, Unmount(target))
			check(t, upper, map[string]string{"c": "3"})
		})
	}
}

func TestMountMany(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	lowers, want := make([]string, MaxLowers+1), map[string]string{}
	for i := range lowers {
		lowers[i] = filepath.Join(base, strings.Repeat("x", 60)+strconv.Itoa(i))
		must(t, os.Mkdir(lowers[i], 0o755))
		put(t, lowers[i], strconv.Itoa(i), "")
		want[strconv.Itoa(i)] = ""
	}
	target := t.TempDir()
	mount(t, target, lowers[:MaxLowers], t.TempDir(), t.TempDir())
	delete(want, strconv.Itoa(MaxLowers))
	check(t, target, want)

	err := Mount(t.TempDir(), lowers, "", "")
	if err == nil || hint(err) == "" {
		t.Errorf("%d layers: error %v, hint %q; want an error with a hint", len(lowers), err, hint(err))
	}
}

// The way of older kernels works on newer ones as well.
func TestMountByOptions(t *testing.T) {
	t.Parallel()
	lowers := []string{layer(t, "a", "1"), layer(t, "b", "2")}
	upper, work, target := t.TempDir(), t.TempDir(), t.TempDir()
	s, err := openStack(lowers, upper, work)
	must(t, err)
	defer s.close()
	must(t, s.mountByOptions(target))
	t.Cleanup(func() { Unmount(target) })
	check(t, target, map[string]string{"a": "1", "b": "2"})
	put(t, target, "c", "3")
	check(t, upper, map[string]string{"c": "3"})

	many := make([]string, 400) // more than one page of options
	for i := range many {
		many[i] = lowers[0]
	}
	s, err = openStack(many, "", "")
	must(t, err)
	defer s.close()
	if err := s.mountByOptions(t.TempDir()); !errors.Is(err, errTooLong) {
		t.Errorf("400 layers: %v, want %v", err, errTooLong)
	}
}

func TestMountErrors(t *testing.T) {
	t.Parallel()
	t.Run("upper on an overlay", func(t *testing.T) {
		over := t.TempDir()
		mount(t, over, []string{layer(t)}, t.TempDir(), t.TempDir())
		upper, work := filepath.Join(over, "u"), filepath.Join(over, "w")
		must(t, errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(work, 0o755)))
		err := Mount(t.TempDir(), []string{layer(t)}, upper, work)
		if err == nil || !strings.Contains(hint(err), "volume") || !strings.Contains(err.Error(), "the kernel: ") {
			t.Errorf("error %v\nhint %q\nwant what the kernel says, and a hint to use a volume", err, hint(err))
		}
	})
	t.Run("missing layer", func(t *testing.T) {
		missing := filepath.Join(t.TempDir(), "missing")
		err := Mount(t.TempDir(), []string{missing, layer(t)}, "", "")
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("error %v; want one that names %s", err, missing)
		}
	})
	t.Run("not mounted", func(t *testing.T) {
		if err := Unmount(t.TempDir()); err == nil {
			t.Error("Unmount of a plain folder succeeded")
		}
	})
}

// A tree in use is gone from its folder, and its layer can be used at once.
func TestUnmountBusy(t *testing.T) {
	t.Parallel()
	target, upper := t.TempDir(), t.TempDir()
	mount(t, target, nil, upper, t.TempDir())
	put(t, target, "a", "1")
	f, err := os.Open(filepath.Join(target, "a"))
	must(t, err)
	defer f.Close()
	must(t, Unmount(target))
	check(t, target, map[string]string{})
	mount(t, target, []string{upper}, "", "")
	check(t, target, map[string]string{"a": "1"})
}

func BenchmarkMount(b *testing.B) {
	for _, n := range []int{2, 130} {
		b.Run(fmt.Sprint(n, " layers"), func(b *testing.B) {
			lowers := make([]string, n)
			for i := range lowers {
				lowers[i] = b.TempDir()
			}
			target := b.TempDir()
			for b.Loop() {
				if err := errors.Join(Mount(target, lowers, "", ""), Unmount(target)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// layer makes a folder with a file in it, or none.
func layer(t *testing.T, file ...string) string {
	t.Helper()
	dir := t.TempDir()
	if len(file) > 0 {
		put(t, dir, file[0], file[1])
	}
	return dir
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
}

func mount(t *testing.T, target string, lowers []string, upper, work string) {
	t.Helper()
	if err := Mount(target, lowers, upper, work); err != nil {
		t.Fatalf("%v\nhint: %s", err, hint(err))
	}
	t.Cleanup(func() { Unmount(target) }) // before the folders are removed
}

// check compares the files in a folder with those wanted.
func check(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	got := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		got[e.Name()] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files in %s (-want +got):\n%s", dir, diff)
	}
}

func checkReadOnly(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o644); !errors.Is(err, unix.EROFS) {
		t.Errorf("write to a read-only tree: %v, want EROFS", err)
	}
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
