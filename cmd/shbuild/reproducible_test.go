package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

const reproducible = `FROM builtin:toybox AS other
RUN mkdir -p /d/e && echo other > /d/e/f && ln /d/e/f /d/g
FROM builtin:toybox
ARG SOURCE_DATE_EPOCH
WORKDIR made/by/workdir
COPY . .
RUN umask > /umask && id > /id && env | sort > /env && date -u -d @$SOURCE_DATE_EPOCH > /date
RUN mkdir d && echo x > d/f && ln -s f d/l && ln d/f d/h && chmod 2750 d && mkfifo d/p && rm /etc/os-release
COPY --chown=12:34 --chmod=u=rwX,go= dir /owned/
COPY --from=other --link /d /d
COPY <<END /here
a heredoc
END
USER 7:8
WORKDIR of-a-user
CMD ["sh"]
`

// TestReproducible builds one context in several folders, with several umasks, as root as another user too: with
// SOURCE_DATE_EPOCH and rewrite-timestamp=true it is the same archive, byte for byte.
func TestReproducible(t *testing.T) {
	top, err := os.MkdirTemp("", "same")
	check(t, err)
	t.Cleanup(func() { emptied(t, top); _ = os.Remove(top) })
	check(t, os.Chmod(top, 0o755))
	program := filepath.Join(top, "shbuild") // the name makes it the command
	copyFile(t, program)
	variants := []struct {
		dir, umask string
		as         string
	}{
		{"a", "022", ""},
		{"folder/with/a long/name", "077", ""},
		{"b", "000", ""},
		{"user", "027", os.Getenv("SHBUILD_TEST_USER")},
	}
	if variants[3].as == "" {
		variants[3].as = "shbuild-test"
	}
	var first map[string]string
	for _, v := range variants {
		t.Run(v.dir, func(t *testing.T) {
			dir := filepath.Join(top, v.dir)
			makeContext(t, filepath.Join(dir, "context"))
			cmd := exec.Command("sh", "-c", `umask `+v.umask+`; exec "$0" "$@"`, program, "build", "--root", filepath.Join(dir, "state"),
				"--progress", "plain", "-o", "type=oci,dest=image.tar,rewrite-timestamp=true", "-o", "type=tar,dest=files.tar",
				"-o", "type=oci,dest=zstd.tar,rewrite-timestamp=true,compression=zstd", "context")
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "SOURCE_DATE_EPOCH=1000000000", "HOME=" + dir, "TMPDIR=" + top, "RANDOM_OF_HOST=" + v.dir}
			if v.as != "" && !asUser(t, cmd, v.as, dir) {
				t.Skip("only root can be somebody else")
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			got := map[string]string{}
			for _, name := range []string{"image.tar", "files.tar", "zstd.tar"} {
				text, err := os.ReadFile(filepath.Join(dir, name))
				check(t, err)
				sum := sha256.Sum256(text)
				got[name] = hex.EncodeToString(sum[:])
			}
			if first == nil {
				first = got
			}
			if diff := gocmp.Diff(first, got); diff != "" {
				t.Errorf("not what the first build made (-want +got):\n%s", diff)
			}
		})
	}
}

// asUser lets a command run as another user, who gets the folder; false: it may not.
func asUser(t *testing.T, cmd *exec.Cmd, name, dir string) bool {
	if os.Getuid() != 0 {
		return false
	}
	u, err := user.Lookup(name)
	check(t, err)
	uid, err := strconv.Atoi(u.Uid)
	check(t, err)
	gid, err := strconv.Atoi(u.Gid)
	check(t, err)
	check(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	}))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return true
}

func makeContext(t *testing.T, dir string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Join(dir, "dir", "empty"), 0o755))
	for name, mode := range map[string]os.FileMode{"Dockerfile": 0o644, "file": 0o600, "dir/run": 0o755, "dir/all": 0o666} {
		text := name
		if name == "Dockerfile" {
			text = reproducible
		}
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(text), 0o600))
		check(t, os.Chmod(path, mode))
	}
	for name, mode := range map[string]os.FileMode{"": 0o755, "dir": 0o711, "dir/empty": 0o777} {
		check(t, os.Chmod(filepath.Join(dir, name), mode))
	}
	check(t, os.Symlink("../file", filepath.Join(dir, "dir", "link")))
	check(t, os.Link(filepath.Join(dir, "file"), filepath.Join(dir, "dir", "same")))
}

func copyFile(t *testing.T, to string) {
	t.Helper()
	in, err := os.Open("/proc/self/exe")
	check(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	check(t, err)
	_, err = io.Copy(out, in)
	check(t, err)
	check(t, out.Chmod(0o755))
	check(t, out.Close())
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
