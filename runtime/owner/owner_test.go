package owner_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/owner"
	"github.com/shbuild/shbuild/runtime/userns"
)

// The tests run with one id, where nothing can be given away.
func TestMain(m *testing.M) {
	status, err := userns.EnterWith(userns.Options{Root: -1, Alone: true}, m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func TestKept(t *testing.T) {
	if !owner.Kept() {
		t.Fatal("with one id owners are to be kept in attributes")
	}
	if err := unix.Chown(t.TempDir(), 5, 60); err == nil {
		t.Fatal("the kernel gave a folder away: the tests are not where they are meant to be")
	}
}

// TestOwners gives everything that a layer can hold an owner, takes it away again, and asks whose it is.
func TestOwners(t *testing.T) {
	dir := t.TempDir()
	top, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer top.Close()
	fd := int(top.Fd())
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "folder"), 0o755), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600),
		os.Symlink("file", filepath.Join(dir, "link")), os.Symlink("/nowhere", filepath.Join(dir, "other")),
		unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	is := func(name string, uid, gid uint32) {
		t.Helper()
		var st unix.Stat_t
		if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			t.Fatal(err)
		}
		owner.Lookup(fd, name, &st)
		if st.Uid != uid || st.Gid != gid {
			t.Errorf("%s is %d:%d's, want %d:%d", name, st.Uid, st.Gid, uid, gid)
		}
		st = unix.Stat_t{}
		if err := owner.Lstat(filepath.Join(dir, name), &st); err != nil || st.Uid != uid || st.Gid != gid {
			t.Errorf("%s is %d:%d's by its path, want %d:%d: %v", name, st.Uid, st.Gid, uid, gid, err)
		}
	}
	set := func(name string, uid, gid int) {
		t.Helper()
		if err := owner.SetAt(fd, name, uid, gid); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	names := []string{"folder", "file", "link", "other", "fifo"}
	for _, name := range names {
		is(name, 0, 0)
	}
	set("link", 0, 0) // which is no news, and must not become the rule for the others
	for _, name := range names {
		set(name, 1000, 100)
	}
	for _, name := range names {
		is(name, 1000, 100)
	}
	set("file", -1, 7)
	is("file", 1000, 7)
	set("file", 1000, -1)
	is("file", 1000, 7)
	set("other", 0, 0)
	set("fifo", 5, 4294967294)
	is("link", 1000, 100)
	is("other", 0, 0)
	is("fifo", 5, 4294967294)
	for _, name := range names {
		set(name, 0, 0)
		is(name, 0, 0)
	}
	is(".", 0, 0)
}

// TestOpen is about what is open, and about a name that leads elsewhere.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := owner.Set(int(f.Fd()), 7, 8); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	owner.LookupFd(int(f.Fd()), &st)
	if st.Uid != 7 || st.Gid != 8 {
		t.Errorf("%d:%d's, want 7:8", st.Uid, st.Gid)
	}
	if err := owner.Set(int(f.Fd()), -1, -1); err != nil {
		t.Fatal(err)
	}
	owner.LookupFd(int(f.Fd()), &st)
	if st.Uid != 7 || st.Gid != 8 {
		t.Errorf("%d:%d's after no change, want 7:8", st.Uid, st.Gid)
	}
	if err := os.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := owner.Chown(filepath.Join(dir, "link"), 1, 2); err != nil {
		t.Fatal(err)
	}
	owner.LookupFd(int(f.Fd()), &st)
	if st.Uid != 7 {
		t.Error("the owner of a link was given to what it leads to")
	}
	if err := owner.Set(int(f.Fd()), 0, 0); err != nil {
		t.Fatal(err)
	}
	owner.LookupFd(int(f.Fd()), &st)
	if st.Uid != 0 || st.Gid != 0 {
		t.Errorf("%d:%d's, want root's", st.Uid, st.Gid)
	}
}

// TestLongName: a link whose name has no room in an attribute is refused in words, not by a number.
func TestLongName(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("n", 250)
	for i, name := range []string{"first", long} {
		if err := os.Symlink("x", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		err := owner.Chown(filepath.Join(dir, name), 1000+i, 1000)
		if i == 0 && err != nil || i == 1 && !errors.Is(err, owner.ErrNotKept) {
			t.Errorf("%d bytes: %v", len(name), err)
		}
	}
}
