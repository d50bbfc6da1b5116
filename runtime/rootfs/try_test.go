package rootfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTry stacks a folder without writing to it, and leaves neither mount nor file.
func TestTry(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644))
	before, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	if err := Try(dir); err != nil {
		t.Fatal(err)
	}
	check(t, dir, map[string]string{"file": "x"})
	after, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	if string(before) != string(after) {
		t.Errorf("mounts before\n%s\nafter\n%s", before, after)
	}
	// Below what it covers, and where there is no room for an overlay.
	shm, err := os.MkdirTemp("/dev/shm", "try-")
	must(t, err)
	defer os.RemoveAll(shm)
	if err := Try(shm); err != nil {
		t.Error(err)
	}
}

// TestTryOnOverlay says that an overlay cannot lie on an overlay.
func TestTryOnOverlay(t *testing.T) {
	target, other := t.TempDir(), t.TempDir()
	must(t, Mount(target, []string{t.TempDir(), other}, "", ""))
	defer func() { must(t, Unmount(target)) }()
	err := Try(target)
	if err == nil || !strings.Contains(err.Error(), "put overlayfs on an overlay") || !strings.Contains(hint(err), "volume") {
		t.Errorf("%v, hint %q", err, hint(err))
	}
}
