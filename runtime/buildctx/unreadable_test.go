package buildctx

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A file that cannot be read ends the digest with its name, however much else there is that is walked, read and waited for.
func TestUnreadableAmongMany(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	for i := range 40 {
		dir := filepath.Join(src, fmt.Sprintf("%02d", i))
		must(t, os.Mkdir(dir, 0o755))
		for j := range 50 {
			must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(j)), []byte(dir), 0o644))
		}
	}
	// The tests are root over all that they make; nobody can read this one from its start.
	bad := filepath.Join(src, "03", "7")
	must(t, unix.Mount("/proc/self/mem", bad, "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(bad, 0)) })
	tree := openContext(t, src, Options{})
	m, err := tree.Find([]string{"."}, FindOptions{})
	must(t, err)
	if _, err = tree.Digest(t.Context(), m); err == nil || !strings.Contains(err.Error(), "03/7") {
		t.Errorf("got %v, want an error about 03/7", err)
	}
}
