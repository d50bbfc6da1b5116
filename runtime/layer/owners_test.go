package layer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// another is the user with the id here as a container's root.
func another(t *testing.T, id int) *userns.Root {
	t.Helper()
	host, err := userns.Host(id)
	must(t, err)
	r, err := userns.RootOf(host)
	must(t, err)
	return r
}

// TestCloneReown copies a layer with another root's owners, and gives it back: all is as it was.
func TestCloneReown(t *testing.T) {
	t.Parallel()
	from, _ := apply(t,
		dir("bin/").mode(0o755), file("bin/su", "root").mode(0o4755), file("bin/wall", "tty").mode(0o2755).owner(0, 5),
		file("bin/ping", "ping").xattr(xattrCapability, ping), link("bin/ping4", "bin/ping"),
		dir("tmp/").mode(0o1777), dir("mail/").mode(0o2775).owner(0, 8),
		file("seven", "7").owner(7, 7).mode(0o4711), file("nobody", "n").owner(65534, 65534), symlink("l", "/bin").owner(7, 0),
		file("x", "x").xattr("user.x", "y"),
		file(".wh.gone", ""), dir("opaque/"), file("opaque/.wh..wh..opq", ""), file("empty", ""), file("big", strings.Repeat("0123456789", 200_000)),
	)
	shell(t, from, "truncate -s 8M holes; echo x | dd of=holes bs=1 seek=4M conv=notrunc status=none; mkfifo fifo; touch -d @1234567890.123456789 fifo holes .")
	before := look(t, from)

	seven := another(t, 7)
	to := newDir(t)
	must(t, Clone(t.Context(), from, to, userns.There{Root: seven}))
	for name, want := range map[string]string{
		".": "7:7 755", "bin/su": "7:7 4755", "bin/wall": "7:5 2755", "mail": "7:8 2775", "nobody": "65534:65534 644", "tmp": "7:7 1777",
	} {
		st, err := lstatat(unix.AT_FDCWD, filepath.Join(to, name))
		must(t, err)
		if got := fmt.Sprintf("%d:%d %o", st.Uid, st.Gid, st.Mode&0o7777); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if st, _ := lstatat(unix.AT_FDCWD, filepath.Join(to, "seven")); st.Uid < 65536 || st.Mode&0o7777 != 0o4711 {
		t.Errorf("seven, whose owner is the root there, belongs to %d, mode %o", st.Uid, st.Mode)
	}
	if st, _ := lstatat(unix.AT_FDCWD, filepath.Join(to, "holes")); st.Blocks > 2048 {
		t.Errorf("the holes are filled: %d blocks", st.Blocks)
	}
	if got, _ := getxattr(filepath.Join(to, "bin/ping4"), xattrCapability); got != ping {
		t.Errorf("ping has the capabilities %q", got)
	}

	must(t, Reown(t.Context(), to, userns.Back{Root: seven}))
	if diff := cmp.Diff(before, look(t, to)); diff != "" {
		t.Errorf("there and back (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, look(t, from)); diff != "" {
		t.Errorf("the layer itself has changed (-want +got):\n%s", diff)
	}
}

// TestCloneNoOwner refuses a file whose owner does not exist there.
func TestCloneNoOwner(t *testing.T) {
	t.Parallel()
	seven := another(t, 7)
	last, _ := userns.There{Root: seven}.UID(7)
	from, _ := apply(t, dir("d/"), file("d/last", "").owner(last, 0))
	err := Clone(t.Context(), from, newDir(t), userns.There{Root: seven})
	if want := fmt.Sprintf("copy /d/last: it belongs to user %d, who does not exist under USERNS", last); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestReownFollowsNothing changes what is in the folder only.
func TestReownFollowsNothing(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(newDir(t), "file")
	must(t, os.WriteFile(outside, nil, 0o644))
	in := newDir(t)
	must(t, os.Symlink(outside, filepath.Join(in, "l")))
	must(t, os.Symlink(filepath.Dir(outside), filepath.Join(in, "d")))
	must(t, Reown(t.Context(), in, userns.There{Root: another(t, 7)}))
	for _, name := range []string{outside, filepath.Dir(outside)} {
		if st, err := lstatat(unix.AT_FDCWD, name); err != nil || st.Uid != 0 {
			t.Errorf("%s belongs to %d, %v", name, st.Uid, err)
		}
	}
	if st, err := lstatat(unix.AT_FDCWD, filepath.Join(in, "l")); err != nil || st.Uid != 7 {
		t.Errorf("the link belongs to %d, %v", st.Uid, err)
	}
}
