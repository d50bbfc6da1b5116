package rootfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	passwd = "root:x:0:0:root:/root:/bin/sh\n# comment\nbob:x:1000:1001::/home/bob:/bin/sh\nann:x:1002:1002::/home/ann:/bin/sh\nnohome:x:7:7:::\n"
	groups = "root:x:0:\nbob:x:1001:\nstaff:x:50:bob,ann\naudio:x:29:bob\nwheel:x:10:root\n"
)

func TestLookupUser(t *testing.T) {
	t.Parallel()
	root := image(t, passwd, groups)
	for spec, want := range map[string]User{
		"":          {0, 0, []int{0, 10}, "/root"},
		"root":      {0, 0, []int{0, 10}, "/root"},
		"0":         {0, 0, []int{0, 10}, "/root"},
		"bob":       {1000, 1001, []int{1001, 50, 29}, "/home/bob"},
		"1000":      {1000, 1001, []int{1001, 50, 29}, "/home/bob"},
		"bob:staff": {1000, 50, []int{50}, "/home/bob"},
		"bob:77":    {1000, 77, []int{77}, "/home/bob"},
		"1000:77":   {1000, 77, []int{77}, "/home/bob"},
		"4242":      {4242, 0, []int{0}, "/"},
		"4242:bob":  {4242, 1001, []int{1001}, "/"},
		"4242:4243": {4242, 4243, []int{4243}, "/"},
		"nohome":    {7, 7, []int{7}, "/"},
		"root:root": {0, 0, []int{0}, "/root"},
	} {
		t.Run(spec, func(t *testing.T) {
			got, err := LookupUser(root, spec)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, spec := range []string{"eve", "bob:eve", "-1", "99999999999", "bob:99999999999", "1.5"} {
		t.Run(spec, func(t *testing.T) {
			if u, err := LookupUser(root, spec); err == nil || hint(err) == "" {
				t.Errorf("found %+v, error %v, hint %q; want an error with a hint", u, err, hint(err))
			}
		})
	}
}

func TestLookupUserWithoutFiles(t *testing.T) {
	t.Parallel()
	for name, root := range map[string]string{
		"empty root": t.TempDir(),
		"etc is a file": func() string {
			dir := t.TempDir()
			put(t, dir, "etc", "")
			return dir
		}(),
		"links in a circle": func() string {
			dir := image(t, "", "")
			must(t, os.Remove(filepath.Join(dir, "etc/passwd")))
			must(t, os.Symlink("passwd", filepath.Join(dir, "etc/passwd")))
			return dir
		}(),
		"a fifo": func() string {
			dir := image(t, "", "")
			must(t, os.Remove(filepath.Join(dir, "etc/passwd")))
			must(t, unix.Mkfifo(filepath.Join(dir, "etc/passwd"), 0o644))
			return dir
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			for spec, want := range map[string]User{
				"":        {0, 0, []int{0}, "/"},
				"5":       {5, 0, []int{0}, "/"},
				"5:6":     {5, 6, []int{6}, "/"},
				"0":       {0, 0, []int{0}, "/"},
				"root:27": {0, 27, []int{27}, "/"},
			} {
				if got, err := LookupUser(root, spec); err != nil || !cmp.Equal(got, want) {
					t.Errorf("%q: %+v, %v, want %+v", spec, got, err, want)
				}
			}
			if _, err := LookupUser(root, "bob"); err == nil {
				t.Error("found bob")
			}
		})
	}
}

// Files of the image that are links lead to files of the image.
func TestUserLinks(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "passwd")
	must(t, os.WriteFile(outside, []byte("eve:x:666:666::/:\n"), 0o644))
	root := image(t, "", "")
	file := filepath.Join(root, "etc/passwd")
	must(t, os.Remove(file))
	must(t, os.MkdirAll(filepath.Join(root, "usr/etc"), 0o755))
	put(t, root, "usr/etc/passwd", passwd)

	must(t, os.Symlink("/usr/etc/passwd", file))
	if u, err := LookupUser(root, "bob"); err != nil || u.UID != 1000 {
		t.Errorf("by an absolute link: %+v, %v", u, err)
	}
	must(t, os.Remove(file))
	must(t, os.Symlink("../../../../../usr/etc/passwd", file))
	if uid, gid, err := ParseChown(root, "bob"); err != nil || uid != 1000 || gid != 1001 {
		t.Errorf("by a link over the root: %d:%d, %v", uid, gid, err)
	}
	must(t, os.Remove(file))
	must(t, os.Symlink(outside, file))
	if u, err := LookupUser(root, "eve"); err == nil {
		t.Errorf("read a file outside the image: %+v", u)
	}
	if uid, _, err := ParseChown(root, "eve"); err != nil || uid != 0 {
		t.Errorf("--chown read a file outside the image: %d, %v", uid, err)
	}
}

func TestParseChown(t *testing.T) {
	t.Parallel()
	root := image(t, passwd, groups)
	for spec, want := range map[string][2]int{
		"bob":          {1000, 1001},
		"bob:":         {1000, 1001},
		"bob:staff":    {1000, 50},
		"bob:12":       {1000, 12},
		"bob:unknown":  {1000, 1001},
		"55":           {55, 55},
		"55:staff":     {55, 50},
		"1000":         {1000, 1000}, // a number is not looked up
		"unknown":      {0, 0},
		"unknown:5":    {0, 5},
		"root":         {0, 0},
		"root:root":    {0, 0},
		":staff":       {0, 50},
		"5:-1":         {5, 1<<32 - 1}, // leaves the group alone
		"-1":           {1<<32 - 1, 1<<32 - 1},
		"99999999999":  {0, 0}, // a name
		"2147483648:7": {0, 7},
	} {
		t.Run(spec, func(t *testing.T) {
			uid, gid, err := ParseChown(root, spec)
			if got := [2]int{uid, gid}; err != nil || got != want {
				t.Errorf("%v, %v, want %v", got, err, want)
			}
		})
	}
	if uid, gid, err := ParseChown(t.TempDir(), "bob:staff"); err != nil || uid != 0 || gid != 0 {
		t.Errorf("without files: %d:%d, %v, want 0:0", uid, gid, err)
	}
}

func TestChownByName(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]bool{
		"": false, "5": false, "5:": false, "5:6": false, "root": false, "root:0": false, "-1": false,
		"bob": true, "5:staff": true, "bob:6": true, ":6": true, "2147483648": true,
	} {
		if got := ChownByName(spec); got != want {
			t.Errorf("%q: %v", spec, got)
		}
	}
}

func TestUserFileTooLarge(t *testing.T) {
	t.Parallel()
	root := image(t, strings.Repeat("#\n", maxUserFile), "")
	if _, err := LookupUser(root, "bob"); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("error %v, want one about the size", err)
	}
}

// image makes a root with the two files.
func image(t *testing.T, passwd, group string) string {
	t.Helper()
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	put(t, root, "etc/passwd", passwd)
	put(t, root, "etc/group", group)
	return root
}
