package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// clean sees that a root file system holds these names at the top, and nothing that was mounted.
func clean(t testing.TB, spec sandbox.Spec, want string) {
	t.Helper()
	all := append(strings.Fields(want), "dev", "proc", "sys") // BuildKit leaves these
	slices.Sort(all)
	untouched(t, spec, strings.Join(all, " "))
	for _, n := range []string{"dev", "proc", "sys"} {
		if fi, err := os.Stat(in(spec, n)); err != nil || fi.Mode() != os.ModeDir|0o755 || len(ls(t, in(spec, n))) > 0 {
			t.Errorf("/%s is %v with %v", n, fi, err)
		}
	}
}

// untouched is clean for a program that did not run, or was ended.
func untouched(t testing.TB, spec sandbox.Spec, want string) {
	t.Helper()
	var got []string
	for _, n := range ls(t, spec.Rootfs) {
		got = append(got, n.Name())
	}
	if strings.Join(got, " ") != want {
		t.Errorf("the root holds %q, want %q", got, want)
	}
	if left := ls(t, spec.StateDir); len(left) != 0 {
		t.Errorf("left in the state folder: %v", left)
	}
}

func ls(t testing.TB, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	return entries
}

// dockerDefault is the set of Docker's default capabilities, from its documentation.
var dockerDefault = []uintptr{
	unix.CAP_AUDIT_WRITE, unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL, unix.CAP_MKNOD,
	unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW, unix.CAP_SETFCAP, unix.CAP_SETGID, unix.CAP_SETPCAP, unix.CAP_SETUID, unix.CAP_SYS_CHROOT,
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	var docker uint64
	for _, c := range dockerDefault {
		if has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0); err == nil && has == 1 {
			docker |= 1 << c
		}
	}
	if docker == 0 {
		t.Fatal("no capabilities at all")
	}
	for uid, want := range map[int]map[string]uint64{
		0: {"CapInh": 0, "CapPrm": docker, "CapEff": docker, "CapBnd": docker, "CapAmb": 0, "NoNewPrivs": 0, "Seccomp": 2},
		7: {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": docker, "CapAmb": 0, "NoNewPrivs": 0, "Seccomp": 2},
	} {
		spec := newSpec(t, "cat", "/proc/self/status")
		spec.UID = uid
		status := run(t, spec).out
		for key, want := range want {
			_, rest, _ := strings.Cut(status, "\n"+key+":\t")
			line, _, _ := strings.Cut(rest, "\n")
			if got, err := strconv.ParseUint(line, 16, 64); err != nil || got != want {
				t.Errorf("user %d: %s is %q, want %x", uid, key, line, want)
			}
		}
	}
}

// What Docker's profile refuses, and what it lets through.
func TestSeccomp(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]unix.Errno{
		"mount": unix.EPERM, "unshare-mount": unix.EPERM, "unshare-user": unix.EPERM, "swapon": unix.EPERM, "reboot": unix.EPERM,
		"sethostname": unix.EPERM, "add_key": unix.EPERM, "open_tree": unix.EPERM, "vsock": unix.EPERM, "unknown": unix.ENOSYS,
		"chown": 0, "chroot": 0, "socket": 0, "setuid": 0,
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			spec := newSpec(t, "call", call)
			must(t, os.WriteFile(in(spec, "owned"), nil, 0o644))
			prints(t, spec, fmt.Sprintf("%s %d\n", call, int(want)))
		})
	}
}

// System calls by the gates of other architectures would go round the filter: they end the process.
func TestForeignSystemCalls(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("only x86-64 has such gates")
	}
	for _, call := range []string{"i386", "x32"} {
		if !hasGate(t, call) {
			t.Logf("%s: this kernel has no such gate", call)
			continue
		}
		if o := run(t, newSpec(t, "call", call)); o.Signal != "SIGSYS" || o.Status != 128+int(unix.SIGSYS) || o.out != "" {
			t.Errorf("%s: %+v", call, o)
		}
	}
}

// hasGate says whether a system call by the gate of another architecture does anything here but kill the process for a
// fault, when no filter is in its way.
func hasGate(t *testing.T, call string) bool {
	t.Helper()
	err := exec.Command(in(newSpec(t), "bin/prog"), "call", call).Run()
	var failed *exec.ExitError
	return !errors.As(err, &failed) || failed.ExitCode() != 2
}

// The container has namespaces of its own, but for the user's and the network's.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"pid": true, "mnt": true, "ipc": true, "uts": true, "user": os.Getenv(asAnother) != "", "net": false} {
		outer, err := os.Readlink("/proc/self/ns/" + name)
		must(t, err)
		inner := strings.TrimSpace(run(t, newSpec(t, "link", "/proc/self/ns/"+name)).out)
		if (inner != outer) != own || inner == "" {
			t.Errorf("%s: %s inside, %s outside", name, inner, outer)
		}
	}
	prints(t, newSpec(t, "pid"), "1\n")
	var processes []string
	for _, name := range strings.Fields(run(t, newSpec(t, "ls", "/proc")).out) {
		if _, err := strconv.Atoi(name); err == nil {
			processes = append(processes, name)
		}
	}
	if !slices.Equal(processes, []string{"1"}) {
		t.Errorf("processes %v", processes)
	}
}

func TestDev(t *testing.T) {
	t.Parallel()
	want := "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
	if _, err := os.Stat("/proc/kcore"); err == nil {
		want = "core " + want
	}
	prints(t, newSpec(t, "ls", "/dev"), strings.ReplaceAll(want, " ", "\n"))
	got := run(t, newSpec(t, "stat", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")).out
	for _, want := range []string{"null 20666 0:0 1:3", "zero 20666 0:0 1:5", "full 20666 0:0 1:7", "random 20666 0:0 1:8", "urandom 20666 0:0 1:9", "tty 20666"} {
		// In a user namespace they are bound from outside, and belong to who they belong to there.
		if !regexp.MustCompile("/dev/" + strings.Replace(regexp.QuoteMeta(want), "0:0", `\d+:\d+`, 1)).MatchString(got) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	prints(t, newSpec(t, "link", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/ptmx"),
		"/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n")
	for _, dir := range []string{"/dev/shm", "/dev"} {
		prints(t, newSpec(t, "write", dir+"/x", "1"), "")
	}
	spec := newSpec(t, "write", "/dev/shm/x", "1")
	spec.UID = 7
	prints(t, spec, "")
}

// What tells about the host, or changes it, is covered or read-only.
func TestMaskedPaths(t *testing.T) {
	t.Parallel()
	masked := 0
	for _, p := range []string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts", "/proc/latency_stats", "/proc/sched_debug"} {
		if _, err := os.Stat(p); err == nil {
			prints(t, newSpec(t, "cat", p), "")
			masked++
		}
	}
	for _, p := range []string{"/proc/acpi", "/proc/scsi", "/proc/asound", "/sys/firmware", "/sys/devices/virtual/powercap"} {
		if _, err := os.Stat(p); err == nil {
			prints(t, newSpec(t, "ls", p), "")
			masked++
		}
	}
	if masked == 0 {
		t.Error("this kernel has none of them")
	}
	table := run(t, newSpec(t, "cat", "/proc/self/mountinfo")).out
	for _, p := range []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/sys"} {
		if _, err := os.Stat(p); err == nil && !strings.Contains(table, " "+p+" ro,") {
			t.Errorf("%s is not read-only in\n%s", p, table)
		}
	}
	if o := run(t, newSpec(t, "append", "/proc/sys/kernel/hostname", "x")); !strings.Contains(o.out, "denied") && !strings.Contains(o.out, "read-only") {
		t.Errorf("the host's name: %+v", o)
	}
}

// The root file system is the program's to write to; /tmp is what it has there.
func TestRootfs(t *testing.T) {
	t.Parallel()
	spec := newSpec(t, "write", "/tmp/x", "1")
	if o := run(t, spec); o.Status == 0 {
		t.Error("there is a /tmp though the root has none")
	}
	must(t, os.Mkdir(in(spec, "tmp"), 0o777))
	must(t, os.Chmod(in(spec, "tmp"), 0o1777))
	spec.UID, spec.GID = 7, 8
	prints(t, spec, "")
	var st unix.Stat_t
	must(t, unix.Stat(in(spec, "tmp/x"), &st))
	if st.Uid != 7 || st.Gid != 8 {
		t.Errorf("its owner is %d:%d", st.Uid, st.Gid)
	}
	clean(t, spec, "bin tmp")
	spec.Args = []string{"prog", "ls", "/"}
	prints(t, spec, "bin\ndev\netc\nproc\nsys\ntmp\n")
	clean(t, spec, "bin tmp")
}

// The host's name servers and host names are there, and can be read only.
func TestNetworkFiles(t *testing.T) {
	t.Parallel()
	if text, err := os.ReadFile("/etc/resolv.conf"); err == nil {
		prints(t, newSpec(t, "cat", "/etc/resolv.conf"), string(text))
	}
	spec := newSpec(t, "cat", "/etc/hosts")
	spec.Hostname = "a-name"
	o := run(t, spec)
	if o.out != "127.0.0.1\tlocalhost a-name\n::1\tlocalhost ip6-localhost ip6-loopback\n" {
		t.Errorf("/etc/hosts: %q", o.out)
	}
	prints(t, newSpec(t, "append", "/etc/hosts", "x"), "open /etc/hosts: read-only file system\n")
}

// Mount points that had to be made are gone afterwards; that they are removed leaves no trace in the times of their
// folders. What the program made or changed there stays.
func TestStubs(t *testing.T) {
	t.Parallel()
	old := time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
	spec := newSpec(t, "true")
	must(t, os.Mkdir(in(spec, "etc"), 0o755))
	must(t, os.WriteFile(in(spec, "etc/hosts"), []byte("the image's own"), 0o644))
	must(t, os.Chtimes(in(spec, "etc/hosts"), old, old))
	spec.Args = []string{"prog", "cat", "/etc/hosts"}
	var started time.Time
	spec.Stdout = writer(func([]byte) { started = time.Now() })
	if o := run(t, spec); o.Status != 0 {
		t.Errorf("%+v", o)
	}
	spec.Stdout = nil
	clean(t, spec, "bin etc")
	if fi, err := os.Stat(in(spec, "etc/hosts")); err != nil || !fi.ModTime().Equal(old) {
		t.Errorf("/etc/hosts has the time %v, %v", fi.ModTime(), err)
	}
	if fi, err := os.Stat(in(spec, "etc")); err != nil || !fi.ModTime().Before(started) {
		t.Errorf("/etc has the time %v, %v, not one before the program wrote at %v", fi.ModTime(), err, started)
	}
	if text, err := os.ReadFile(in(spec, "etc/hosts")); err != nil || string(text) != "the image's own" {
		t.Errorf("/etc/hosts: %q, %v", text, err)
	}
	if names, err := os.ReadDir(in(spec, "etc")); err != nil || len(names) != 1 {
		t.Errorf("in /etc: %v, %v", names, err)
	}

	spec.Args = []string{"prog", "write", "/etc/new", "1"}
	prints(t, spec, "")
	if fi, err := os.Stat(in(spec, "etc")); err != nil || fi.ModTime().Equal(old) {
		t.Errorf("the program has made a file in /etc, and its time is still %v", fi.ModTime())
	}
	spec.Args = []string{"prog", "mv", "/etc", "/moved"}
	spec.Mounts = nil
	if o := run(t, spec); o.Status == 0 {
		t.Log("the folder with the stubs was moved")
		if _, err := os.Lstat(in(spec, "moved/resolv.conf")); err == nil {
			t.Error("the stub is in the moved folder")
		}
	}
}

// Links of the image's in the place of mount points do not lead out of it.
func TestStubsAndLinks(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	spec := newSpec(t, "ls", "/")
	must(t, os.Symlink(outside, in(spec, "etc")))
	o, err := try(t, spec)
	if err == nil && o.Status != 0 {
		t.Errorf("%+v", o)
	}
	if names, _ := os.ReadDir(outside); len(names) != 0 {
		t.Errorf("outside there is %v", names)
	}
	if _, err := os.Lstat(filepath.Join(in(spec, outside), "hosts")); err == nil {
		t.Error("a stub is left")
	}
}

// Many at once, on one root even.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	for i := range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			spec := newSpec(t, "args", fmt.Sprint(i))
			prints(t, spec, fmt.Sprintf("[\"%d\"]\n", i))
			clean(t, spec, "bin")
		})
	}
}
