package rootfs

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// reownVar tells the test binary to do nothing but hand a tree over to a user: "UID TREE".
const reownVar = "SHBUILD_TEST_REOWN"

// reownOnly does that, in a namespace in which the user is root.
func reownOnly() {
	var uid int
	var tree string
	if _, err := fmt.Sscan(os.Getenv(reownVar), &uid, &tree); err != nil {
		return
	}
	status, err := userns.EnterAs(uid, func() int {
		if err := Reown(tree); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(status)
}

func reown(t *testing.T, tree string, uid int) error {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", reownVar, uid, tree))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// netRaw is version 2 of a file's capabilities: cap_net_raw+ep.
func netRaw() []byte {
	caps := make([]byte, 20)
	binary.LittleEndian.PutUint32(caps, 0x02000001)
	binary.LittleEndian.PutUint32(caps[4:], 1<<unix.CAP_NET_RAW)
	return caps
}

// owners describes a tree: uid, gid and mode of each entry, and the root that its capabilities are of.
func owners(t *testing.T, tree string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(tree, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		text := fmt.Sprintf("%d:%d %o", st.Uid, st.Gid, st.Mode)
		caps := make([]byte, 64)
		if n, err := unix.Lgetxattr(path, "security.capability", caps); err == nil {
			root := 0 // version 2: this namespace's
			if n == 24 {
				root = int(binary.LittleEndian.Uint32(caps[20:]))
			}
			text += " capabilities of " + strconv.Itoa(root)
		}
		found[rel] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestReown hands a tree over to other roots, and back.
func TestReown(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "tree")
	for _, dir := range []string{tree, filepath.Join(tree, "home")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, owner := range map[string]int{"root": 0, "seven": 7, "nine": 9, "home/user": 1000} {
		path := filepath.Join(tree, name)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(path, owner, 5); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(tree, name) }
	for _, err := range []error{
		unix.Chmod(at("root"), 0o4755),
		os.Link(at("seven"), at("link")),
		os.Symlink("nowhere", at("symlink")),
		os.WriteFile(at("ping"), nil, 0o755),
		unix.Setxattr(at("ping"), "security.capability", netRaw(), 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const folder, file = "40755", "100644"
	as := func(root, seven, nine string) map[string]string {
		return map[string]string{
			".": root + ":0 " + folder, "home": root + ":0 " + folder, "home/user": "1000:5 " + file,
			"root": root + ":5 104755", "seven": seven + ":5 " + file, "link": seven + ":5 " + file, "nine": nine + ":5 " + file,
			"symlink": root + ":0 120777", "ping": root + ":0 100755 capabilities of " + root,
		}
	}
	if diff := cmp.Diff(as("0", "7", "9"), owners(t, tree)); diff != "" {
		t.Fatal(diff)
	}
	for _, step := range []struct {
		uid  int
		want map[string]string
	}{
		{-1, as("0", "7", "9")},
		{7, as("7", "0", "9")},
		{7, as("7", "0", "9")},
		{9, as("9", "7", "0")},
		{-1, as("0", "7", "9")},
	} {
		if err := reown(t, tree, step.uid); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, owners(t, tree)); diff != "" {
			t.Fatalf("root is %d: %s", step.uid, diff)
		}
	}
}

// TestReownInterrupted refuses a tree of which nobody knows whose its files are.
func TestReownInterrupted(t *testing.T) {
	tree := t.TempDir()
	if err := unix.Setxattr(tree, "user.shbuild.root", []byte("changing"), 0); err != nil {
		t.Fatal(err)
	}
	if err := Reown(tree); err == nil {
		t.Error("the tree was used")
	}
}
