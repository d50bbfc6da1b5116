package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

func TestMounts(t *testing.T) {
	t.Parallel()
	host := t.TempDir()
	must(t, os.Chmod(host, 0o755))
	must(t, os.WriteFile(filepath.Join(host, "f"), []byte("host\n"), 0o644))
	mount := func(t *testing.T, m sandbox.Mount, args ...string) (sandbox.Spec, outcome) {
		t.Helper()
		spec := newSpec(t, args...)
		spec.Mounts = []sandbox.Mount{m}
		return spec, run(t, spec)
	}
	t.Run("a folder onto a missing one", func(t *testing.T) {
		spec, o := mount(t, sandbox.Mount{Source: host, Target: "/a/b/c"}, "cat", "/a/b/c/f")
		if o.out != "host\n" {
			t.Errorf("%+v", o)
		}
		clean(t, spec, "bin")
	})
	t.Run("a file onto a missing one", func(t *testing.T) {
		spec, o := mount(t, sandbox.Mount{Type: "bind", Source: filepath.Join(host, "f"), Target: "/a/f"}, "cat", "/a/f")
		if o.out != "host\n" {
			t.Errorf("%+v", o)
		}
		clean(t, spec, "bin")
	})
	t.Run("writable", func(t *testing.T) {
		dir := t.TempDir()
		spec, _ := mount(t, sandbox.Mount{Source: dir, Target: "/m"}, "write", "/m/new", "1")
		if text, err := os.ReadFile(filepath.Join(dir, "new")); err != nil || string(text) != "1" {
			t.Errorf("%q, %v", text, err)
		}
		clean(t, spec, "bin")
	})
	t.Run("read-only, with what is mounted below", func(t *testing.T) {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
		must(t, unix.Mount(host, filepath.Join(dir, "sub"), "", unix.MS_BIND, ""))
		defer unix.Unmount(filepath.Join(dir, "sub"), 0)
		for _, f := range []string{"/m/new", "/m/sub/new", "/m/sub/f"} {
			_, o := mount(t, sandbox.Mount{Source: dir, Target: "/m", ReadOnly: true}, "write", f, "1")
			if o.Status == 0 || !strings.Contains(o.err, "read-only file system") {
				t.Errorf("%s: %+v", f, o)
			}
		}
	})
	t.Run("tmpfs", func(t *testing.T) {
		spec, o := mount(t, sandbox.Mount{Type: "tmpfs", Target: "/m", Options: []string{"size=1m", "uid=7", "mode=750", "noexec"}}, "stat", "/m")
		if !strings.HasPrefix(o.out, "/m 40750 7:0 ") {
			t.Errorf("%+v", o)
		}
		_, o = mount(t, sandbox.Mount{Type: "tmpfs", Target: "/m"}, "stat", "/m")
		if !strings.HasPrefix(o.out, "/m 41777 0:0 ") {
			t.Errorf("%+v", o)
		}
		_, o = mount(t, sandbox.Mount{Type: "tmpfs", Target: "/m", ReadOnly: true}, "write", "/m/x", "1")
		if !strings.Contains(o.err, "read-only file system") {
			t.Errorf("%+v", o)
		}
		clean(t, spec, "bin")
	})
	t.Run("over a mount of ours", func(t *testing.T) {
		_, o := mount(t, sandbox.Mount{Source: filepath.Join(host, "f"), Target: "/etc/hosts"}, "cat", "/etc/hosts")
		if o.out != "host\n" {
			t.Errorf("%+v", o)
		}
	})
	t.Run("through a link of the image's", func(t *testing.T) {
		spec := newSpec(t, "cat", "/real/f")
		must(t, os.Mkdir(in(spec, "real"), 0o755))
		must(t, os.Symlink("/real", in(spec, "l")))
		spec.Mounts = []sandbox.Mount{{Source: host, Target: "/l"}}
		prints(t, spec, "host\n")
		clean(t, spec, "bin l real")
	})
	t.Run("what the program puts into a made folder above stays", func(t *testing.T) {
		spec, _ := mount(t, sandbox.Mount{Source: host, Target: "/a/m"}, "write", "/a/mine", "1")
		clean(t, spec, "a bin")
		if names, _ := os.ReadDir(in(spec, "a")); len(names) != 1 || names[0].Name() != "mine" {
			t.Errorf("in /a: %v", names)
		}
	})
}

func TestMountErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		m   sandbox.Mount
		err string
	}{
		{sandbox.Mount{Source: "/", Target: "rel"}, `mount on "rel": not an absolute path below /`},
		{sandbox.Mount{Source: "/", Target: "/.."}, `mount on "/..": not an absolute path below /`},
		{sandbox.Mount{Source: "/", Target: "/m", Options: []string{"size=1"}}, "mount on /m: option size=1 is not for a bind mount"},
		{sandbox.Mount{Type: "nfs", Target: "/m"}, `mount on /m: type "nfs" is not known`},
		{sandbox.Mount{Source: "/nothing/there", Target: "/m"}, "make the mount point /m: "},
		{sandbox.Mount{Source: "/", Target: "/bin/prog/m"}, "make the mount point /bin/prog/m: "},
	} {
		spec := newSpec(t, "true")
		spec.Mounts = []sandbox.Mount{tt.m}
		if _, err := try(t, spec); err == nil || !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("%+v: error %v, want %q", tt.m, err, tt.err)
		}
		untouched(t, spec, "bin")
	}
}
