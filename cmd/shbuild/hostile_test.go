package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// canary is in files and in the environment of the caller, and no build is told of it.
const canary = "canary-3b9f27"

// escaped is what an attempt prints that was successful. Dockerfiles have it in two pieces, as their text is shown.
const escaped = "ESCAPED"

// rungs are those to be tried: "chroot" takes root, whose containers on the others are like everybody's.
func rungs() []string {
	if os.Getuid() == 0 {
		return []string{"chroot"}
	}
	return []string{"full", "one-id"}
}

// hostile is a stranger's build on a rung, beside files that it must neither read nor change.
type hostile struct {
	*building
	rung    string
	outside string   // the folder with them
	before  []string // what is in it
	within  []string // a command that shbuild is started by; empty: none
}

// onRungs runs a test on each rung.
func onRungs(t *testing.T, f func(t *testing.T, h *hostile)) {
	t.Helper()
	t.Parallel()
	for _, rung := range rungs() {
		t.Run(rung, func(t *testing.T) {
			t.Parallel()
			h := &hostile{building: newBuilding(t, ""), rung: rung, outside: t.TempDir()}
			for _, d := range []string{"empty", "a/b", "stub/point"} {
				if err := os.MkdirAll(filepath.Join(h.outside, d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			h.write(t, filepath.Join(h.outside, "secret"), canary)
			h.before = listing(t, h.outside)
			f(t, h)
			if after := listing(t, h.outside); !slices.Equal(h.before, after) {
				t.Errorf("outside there was\n%q, and now is\n%q", h.before, after)
			}
		})
	}
}

func (h *hostile) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// listing is what is below a folder, with times, modes and what is in files.
func listing(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, _ := os.ReadFile(path)
		all = append(all, fmt.Sprint(path, info.Mode(), info.ModTime().UnixNano(), string(text)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// build builds a text, in which OUTSIDE is the folder and ESC the word for success. Nothing of the outside may be in
// what is said, and the build must take no longer than it needs.
func (h *hostile) build(t *testing.T, text string, args ...string) (status int, said string) {
	t.Helper()
	h.write(t, filepath.Join(h.dir, "Dockerfile"), "FROM builtin:toybox\n"+h.filled(text))
	cmd, out := h.command(append([]string{"--isolation", h.rung}, args...)...)
	cmd.Env = append(cmd.Env, "CANARY="+canary)
	if len(h.within) > 0 {
		outer := exec.Command(h.within[0], slices.Concat(h.within[1:], []string{h.shbuild}, cmd.Args[1:])...)
		outer.Env, outer.Stdout, outer.Stderr = cmd.Env, cmd.Stdout, cmd.Stderr
		cmd = outer
	}
	err := cmd.Run()
	status, said = cmd.ProcessState.ExitCode(), out.String()
	if strings.Contains(said, canary) || strings.Contains(said, escaped) {
		t.Errorf("it got out:\n%s\n%s", text, said)
	}
	if !strings.Contains(said, "isolation: "+h.rung) {
		t.Fatalf("not on the rung %s: %v\n%s", h.rung, err, said)
	}
	return status, said
}

func (h *hostile) filled(text string) string {
	return strings.NewReplacer("OUTSIDE", h.outside, "ESC", `echo ESC""APED`).Replace(text)
}

// builds is build for a text that is to succeed.
func (h *hostile) builds(t *testing.T, text string, args ...string) string {
	t.Helper()
	status, said := h.build(t, text, args...)
	if status != 0 {
		t.Errorf("status %d:\n%s\n%s", status, text, said)
	}
	return said
}

// prog is the program of the sandbox's tests.
var prog = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "prog")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", filepath.Join(dir, "prog"), "../../runtime/sandbox/testdata/prog")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "prog"))
})

// withProg puts it into the context.
func (h *hostile) withProg(t *testing.T) {
	t.Helper()
	text, err := prog()
	if err == nil {
		err = os.WriteFile(filepath.Join(h.dir, "prog"), text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Neither by a link, nor by "..", nor by WORKDIR and COPY through one, is there a way to the files of the outside.
func TestHostilePaths(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.write(t, filepath.Join(h.dir, "file"), "x")
		said := h.builds(t, `RUN ln -s OUTSIDE /l; ln -s ../../../../../../../..OUTSIDE /up; ln -s /proc/self/root /root-link
RUN cat /l/secret; echo x >/l/new; rm -r /l/a; cat /up/secret; ls /l/ /up/; true
RUN cd /; cat ../../../../../../../..OUTSIDE/secret; cd ../../..; cat .OUTSIDE/secret; true
WORKDIR /l/made
COPY file /l/
COPY file /up/above
RUN test -f OUTSIDE/file && test -f OUTSIDE/above && test -d OUTSIDE/made && echo all inside
FROM builtin:toybox
COPY --from=0 /l/secre[t] /l/../../../../../../OUTSIDE/secre[t] /x/
RUN ls /x; cat /x/*; true
`)
		if !strings.Contains(said, "all inside") {
			t.Errorf("it is not in the image:\n%s", said)
		}
		if status, said := h.build(t, "RUN ln -s OUTSIDE /l\nFROM builtin:toybox\nCOPY --from=0 /l/secret /x\n"); status == 0 {
			t.Errorf("there was a file to copy:\n%s", said)
		}
	})
}

// /proc leads to nobody's files, memory or environment, and changes nothing of the kernel.
func TestHostileProc(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.builds(t, `RUN for p in /proc/[0-9]*; do cat $p/rootOUTSIDE/secret $p/cwdOUTSIDE/secret $p/environ; ls $p/rootOUTSIDE; done; true
RUN for f in /proc/[0-9]*/fd/*; do case $(readlink "$f") in ""|pipe:*|/dev/null|/sys/fs/cgroup/*|/proc/*|anon_inode:*) ;; *) ESC; readlink "$f" ;; esac; done; true
RUN for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/vm/swappiness; do cat $f >/was && cat /was >$f && ESC $f; done; true
RUN head -c 1 /proc/kcore | grep -q . && ESC kcore; true
RUN [ -e /proc/sysrq-trigger ] && echo h >/proc/sysrq-trigger && ESC sysrq; true
`)
	})
}

// Where a RUN sees the outer /proc, as in a container that hides parts of its own, it is there to be looked at only:
// files, memory and environment of processes are closed, and no number in it is one to signal or trace.
func TestHostileOuterProc(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		const hide = `mount -t tmpfs tmpfs /proc/irq && exec "$0" "$@"`
		h.within = []string{"unshare", "--user", "--map-auto", "--map-root-user", "--mount", "sh", "-c", hide}
		switch h.rung {
		case "full":
			return // an ordinary user cannot hide anything and keep a range of ids
		case "chroot":
			h.rung, h.within = "full", slices.Delete(h.within, 1, 4)
		}
		h.withProg(t)
		said := h.builds(t, fmt.Sprintf(`COPY prog /prog
RUN cat /proc/[0-9]*/environ /proc/[0-9]*/maps /proc/[0-9]*/rootOUTSIDE/secret /proc/[0-9]*/cwdOUTSIDE/secret | grep -a -o 'canary-.*'; ls -d /proc/[0-9]*/rootOUTSIDE && ESC; true
RUN /prog attach %d; /prog signal %d
`, os.Getpid(), os.Getpid()))
		if !strings.Contains(said, "with the /proc of the outside") || strings.Contains(said, " attach 0\n") || !strings.Contains(said, " signal 3\n") {
			t.Errorf("it was not with the outer /proc, or reached who is there:\n%s", said)
		}
	})
}

// Where nothing cuts a RUN off there is none, and the error says why; all else works.
func TestHostileNone(t *testing.T) {
	h := &hostile{building: newBuilding(t, ""), rung: "none", outside: t.TempDir()}
	h.write(t, filepath.Join(h.dir, "file"), "x")
	h.builds(t, "COPY file /x\nWORKDIR /y\n")
	if status, said := h.build(t, "RUN ESC\n"); status == 0 || !strings.Contains(said, "RUN: ") || !strings.Contains(said, "hint: ") {
		t.Errorf("status %d:\n%s", status, said)
	}
}

// Nothing can be mounted, no namespace made, and a chroot does not lead out of the container.
func TestHostileMount(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.withProg(t)
		said := h.builds(t, `COPY prog /prog
RUN mkdir -p /tmp; /prog call mount unshare-mount unshare-user open_tree
RUN /prog leave OUTSIDE/secret; true
`)
		for _, call := range []string{"mount", "unshare-mount", "unshare-user", "open_tree"} {
			if !strings.Contains(said, " "+call+" ") || strings.Contains(said, " "+call+" 0\n") {
				t.Errorf("%s was not refused:\n%s", call, said)
			}
		}
		if left := strings.Contains(said, " leave 1\n"); left != (h.rung == "chroot") {
			t.Errorf("a chroot in a chroot is refused: %v\n%s", left, said)
		}
	})
}

// There is no device but those of /dev: mknod makes none, and an archive brings none.
func TestHostileDevice(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		var st unix.Stat_t
		if err := unix.Stat("/", &st); err != nil {
			t.Fatal(err)
		}
		disk := fmt.Sprintf("%d %d", unix.Major(st.Dev), unix.Minor(st.Dev))
		evil := archive(t,
			&tar.Header{Name: "disk", Typeflag: tar.TypeBlock, Mode: 0o666, Devmajor: int64(unix.Major(st.Dev)), Devminor: int64(unix.Minor(st.Dev))},
			&tar.Header{Name: "memory", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 1},
			&tar.Header{Name: "zeros", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 5},
		)
		h.write(t, filepath.Join(h.dir, "evil.tar"), string(evil))
		h.builds(t, `ADD evil.tar /a/
RUN mkdir /m; mknod /m/disk b `+disk+`; mknod /m/memory c 1 1; mknod /m/zeros c 1 5; true
RUN for f in /a/* /m/*; do head -c 1 "$f" && [ -e "$f" ] && ESC "$f"; done; true
RUN for f in /dev/*; do case $f in /dev/core|/dev/fd|/dev/full|/dev/mqueue|/dev/null|/dev/ptmx|/dev/pts|/dev/random|/dev/shm|/dev/std*|/dev/tty|/dev/urandom|/dev/zero) ;; *) ESC "$f" ;; esac; done
`)
	})
}

func archive(t *testing.T, entries ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// An archive of ADD writes nothing outside, whatever its names and links.
func TestHostileArchive(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		file := func(name string) *tar.Header { return &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
		link := func(name, to string) *tar.Header {
			return &tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to, Mode: 0o777}
		}
		up := strings.Repeat("../", 30)
		h.write(t, filepath.Join(h.dir, "evil.tar"), string(archive(t,
			file(up+h.outside[1:]+"/new1"), file(h.outside+"/new2"),
			link("l", h.outside), file("l/new3"), link("u", up+h.outside[1:]), file("u/secret"),
		)))
		h.write(t, filepath.Join(h.dir, "proc.tar"), string(archive(t, link("p", "/proc/self/root"), file("p"+h.outside+"/new4"))))
		h.write(t, filepath.Join(h.dir, "hard.tar"), string(archive(t, &tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: up + h.outside[1:] + "/secret"})))
		h.builds(t, "ADD evil.tar /\nADD evil.tar /x/\n")
		for _, name := range []string{"proc.tar", "hard.tar"} {
			if status, said := h.build(t, "ADD "+name+" /\nRUN cat /h; true\n"); status == 0 {
				t.Errorf("%s was unpacked:\n%s", name, said)
			}
		}
	})
}

// A RUN cannot trace the builder, nor anything else of the outside; where it has process numbers of its own, it
// cannot signal them either, and when it kills all that it sees the build goes on.
func TestHostileKill(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.withProg(t)
		text := fmt.Sprintf("COPY prog /prog\nRUN /prog attach %d\n", os.Getpid())
		if h.rung != "chroot" { // there a signal arrives, and docs/security.md says so
			text += fmt.Sprintf("RUN /prog signal %d\nRUN kill -9 -1; true\nRUN echo goes on\n", os.Getpid())
		}
		said := h.builds(t, text)
		for _, call := range []string{"attach", "signal"} {
			if strings.Contains(said, " "+call+" 0\n") {
				t.Errorf("%s did something:\n%s", call, said)
			}
		}
		if h.rung != "chroot" && (!strings.Contains(said, " attach 3\n") || !strings.Contains(said, " signal 3\n") || !strings.Contains(said, " goes on\n")) {
			t.Errorf("the process is there for it, or the build did not go on:\n%s", said)
		}
	})
}

// What a RUN leaves running ends with it, also in a session of its own.
func TestHostileDaemon(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.withProg(t)
		word := fmt.Sprint("left-by-", h.rung, os.Getpid())
		h.builds(t, "COPY prog /prog\nRUN /prog daemon "+word+"\nRUN touch /next\n")
		gone(t, "hold\x00"+word)
	})
}

// A step that runs at the same time as another one, or that waits for it, has no way to its secret.
func TestHostileSecret(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		secret := filepath.Join(h.outside, "secret")
		if h.rung == "chroot" { // they cannot share a folder to meet in: what is left of an earlier step is looked for
			h.builds(t, `RUN --mount=type=secret,id=s,required test -s /run/secrets/s && echo "$(cat /run/secrets/s)" | rev >/dev/null
RUN find / -name s; cat /run/secrets/* /proc/*/environ; ls /run/secrets && ESC; true
`, "--secret", "id=s,src="+secret)
			return
		}
		said := h.builds(t, `RUN --mount=type=secret,id=s,required --mount=type=secret,id=s,env=S --mount=type=cache,id=meet,target=/meet \
  touch /meet/ready; until [ -e /meet/done ]; do sleep 0.05; done; [ -n "$S" ] && [ -s /run/secrets/s ] && echo had it; touch /a
FROM builtin:toybox
RUN --mount=type=cache,id=meet,target=/meet until [ -e /meet/ready ]; do sleep 0.05; done; \
  cat /run/secrets/* /proc/[0-9]*/environ; for p in /proc/[0-9]*; do cat $p/root/run/secrets/s; done; \
  find / -path '*secrets/s' | grep . && ESC; touch /meet/done /b
FROM scratch
COPY --from=0 /a /
COPY --from=1 /b /
`, "--secret", "id=s,src="+secret)
		if !strings.Contains(said, "had it") {
			t.Errorf("nobody had a secret:\n%s", said)
		}
	})
}

// The folder of an output is written to by the caller's right: links that an earlier output has put there are not
// followed out of it.
func TestHostileOutput(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		out := filepath.Join(h.dir, "out")
		h.builds(t, "RUN ln -s OUTSIDE /l; mkdir /d; ln -s OUTSIDE/secret /d/f\n", "-o", "type=local,dest="+out)
		if _, err := os.Lstat(filepath.Join(out, "l")); err != nil {
			t.Fatal(err)
		}
		h.build(t, "RUN mkdir /l && echo x >/l/new && echo x >/l/secret\n", "-o", "type=local,dest="+out)
		h.build(t, "RUN mkdir /d && echo x >/d/f\nEXPORT /d/f l/new\nEXPORT /d/f d/f\n", "-o", "type=local,dest="+out)
	})
}

// What is kept of a build is the caller's alone: setuid programs that a RUN makes, which are the caller's files, lie
// where no other user of the host can go.
func TestHostileSetuid(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.builds(t, "RUN --mount=type=cache,target=/c cp /bin/toybox /suid && chmod 4755 /suid && cp -p /suid /c/\n")
		found := 0
		err := filepath.WalkDir(h.state, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // another id's
			}
			if info, err := d.Info(); err != nil || info.Mode()&fs.ModeSetuid == 0 {
				return err
			}
			found++
			for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
				if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o077 == 0 {
					return err
				}
				if dir == h.state {
					t.Errorf("anybody can reach %s", path)
					return nil
				}
			}
		})
		if err != nil || found < 2 {
			t.Errorf("%d setuid files found, %v", found, err)
		}
		if info, err := os.Stat(h.state); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the state folder: %v, %v", info.Mode(), err)
		}
	})
}

// CVE-2024-21626: no working folder is one of the builder's open folders.
func TestLeakedFolder(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		fds := []int{3, 4, 5, 6, 7, 8, 9, 10}
		if h.rung != "full" {
			fds = []int{7}
		}
		for _, fd := range fds {
			h.build(t, fmt.Sprintf("WORKDIR /proc/self/fd/%d\nRUN pwd -P; ls -a ../../../../..; cat ../../../../../../../../..OUTSIDE/secret; true\n", fd))
		}
	})
}

// CVE-2024-23652: mount points that were made for a RUN are removed where they were made, not where a link leads that
// the RUN has put in their way.
func TestStubThroughLink(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		text := "RUN mv /etc /moved; ln -s OUTSIDE /etc; true\n"
		for _, kind := range []string{"tmpfs", "cache"} {
			text += "RUN --mount=type=" + kind + ",target=/stub/point mv /stub /moved" + kind + "; rm -r /stub; ln -s OUTSIDE/stub /stub; true\n" +
				"RUN rm -rf /stub\n" +
				"RUN --mount=type=" + kind + ",target=/x/stub/point mv /x/stub /x/moved; rm -r /x/stub; ln -s OUTSIDE/stub /x/stub; true\n" +
				"RUN rm -rf /x\n"
		}
		h.builds(t, text)
	})
}

// CVE-2024-23651: of a cache folder's source=, what was looked at is mounted, though another RUN that has the folder
// puts a link to the outside in its place meanwhile.
func TestCacheSourceRace(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.builds(t, `RUN --mount=type=cache,id=x,target=/c mkdir -p /c/s/deep /c/OUTSIDE/deep; echo inside >/c/s/secret; echo decoy >/c/OUTSIDE/secret; ln -s OUTSIDE /c/evil
`)
		dir := filepath.Join(h.state, "mounts")
		if h.rung == "one-id" {
			dir = filepath.Join(h.state, "one-id", "mounts")
		}
		folders, err := filepath.Glob(dir + "/*/0")
		if err != nil || len(folders) != 1 {
			t.Fatalf("cache folders: %q, %v", folders, err)
		}
		// The files are the caller's, so that this process can do what a RUN would.
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
				}
				_ = unix.Renameat2(unix.AT_FDCWD, folders[0]+"/s", unix.AT_FDCWD, folders[0]+"/evil", unix.RENAME_EXCHANGE)
				time.Sleep(50 * time.Microsecond)
			}
		}()
		said := ""
		for _, mounts := range []string{
			"--mount=type=cache,id=x,source=s,target=/m cat /m/secret",
			"--mount=type=cache,id=x,target=/c --mount=type=tmpfs,target=/c/s/deep/point touch /c/s/deep/point/new",
		} {
			_, more := h.build(t, "for i in 1 2 3 4 5 6; do\nRUN "+mounts+"; echo $i; true\ndone\n", "--no-cache")
			said += more
		}
		close(stop)
		<-stopped
		if n := strings.Count(said, " inside\n") + strings.Count(said, " decoy\n"); n == 0 {
			t.Errorf("nothing was mounted:\n%s", said)
		}
	})
}

// A cache folder that was moved into a chroot goes back to where it was, not to where a link leads that the RUN has
// put in its path.
func TestCacheHome(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.builds(t, "RUN --mount=type=cache,id=x,target=/c mkdir -p /c/d/planted\n"+
			"RUN --mount=type=cache,id=x,source=d/planted,target=/a --mount=type=cache,id=x,target=/c "+
			"touch /a/file; mv /c/d /c/gone && ln -s OUTSIDE /c/d\n"+
			"RUN --mount=type=cache,id=x,target=/c test -e /c/gone/planted/file\n")
	})
}

// RUNs of a chroot that share a cache folder have it in turn, since it is moved to who has it.
func TestCacheInTurn(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.builds(t, `RUN --mount=type=cache,id=x,target=/c sleep 0.3; touch /c/a /a
FROM builtin:toybox
RUN --mount=type=cache,id=x,target=/c sleep 0.3; touch /c/b /b
FROM builtin:toybox
COPY --from=0 /a /
COPY --from=1 /b /
RUN --mount=type=cache,id=x,target=/c test -e /c/a && test -e /c/b
`)
	})
}

// CVE-2025-31133, CVE-2025-52565: what is in /dev is not taken for a device because of its name. CVE-2025-52881: what
// is mounted on /proc is not taken for the kernel's.
func TestFakeDevAndProc(t *testing.T) {
	onRungs(t, func(t *testing.T, h *hostile) {
		h.builds(t, `RUN --mount=type=cache,id=dev,target=/c ln -s /proc/sys/kernel/core_pattern /c/null; ln -s /proc/sys/kernel/core_pattern /c/console; ln -s OUTSIDE/secret /c/ptmx; mkdir /c/pts /c/shm; true
RUN --mount=type=cache,id=proc,target=/c mkdir -p /c/self/attr /c/sys/kernel /c/self/fd /c/thread-self/attr; for f in self/attr/exec thread-self/attr/exec self/attr/apparmor sys/kernel/hostname self/cmdline; do echo fake >/c/$f; done; true
`)
		for _, target := range []string{"/dev", "/dev/null", "/proc", "/proc/self/attr", "/proc/sys/kernel"} {
			id := "dev"
			if strings.HasPrefix(target, "/proc") {
				id = "proc"
			}
			status, said := h.build(t, "RUN --mount=type=cache,id="+id+",target="+target+
				" (cat /proc/sys/kernel/core_pattern >/was && cat /was >/proc/sys/kernel/core_pattern && ESC); ([ -e /proc/kcore ] && cat /was >/proc/kcore && ESC); head -c 1 /proc/kcore | grep -q . && ESC; true\n")
			if status != 0 && !strings.Contains(said, "RUN: ") {
				t.Errorf("%s: no word of it:\n%s", target, said)
			}
		}
		said := h.builds(t, "RUN --mount=type=cache,id=proc,target=/c for f in self/attr/exec thread-self/attr/exec self/attr/apparmor sys/kernel/hostname; do cat /c/$f; done\n")
		if strings.Count(said, " fake\n") != 4 {
			t.Errorf("somebody has written to what is not the kernel's:\n%s", said)
		}
	})
}
