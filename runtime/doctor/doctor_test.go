package doctor_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shbuild/shbuild/runtime/doctor"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/userns"
)

// place is one for which the screen is known.
type place struct {
	facts doctor.Facts
	want  isolation.Rung
	run   bool
}

// changed makes a place of another one.
func changed(p place, by ...func(*doctor.Facts)) place {
	sysctls := p.facts.Isolation.Sysctls
	p.facts.Isolation.Sysctls = map[string]string{}
	for k, v := range sysctls {
		p.facts.Isolation.Sysctls[k] = v
	}
	for _, f := range by {
		f(&p.facts)
	}
	return p
}

// host is an ordinary user of a machine where everything is as it should be.
var host = place{run: true, facts: doctor.Facts{
	Place: doctor.Host, Program: "/usr/local/bin/shbuild", IDs: "65536 sub-ids", Overlay: &doctor.Trial{OK: true},
	Isolation: isolation.Facts{
		UID: 1000, Kernel: "6.18.0", Sysctls: map[string]string{"user.max_user_namespaces": "15000"},
		NewUIDMap: isolation.Program{Path: "/usr/bin/newuidmap", Gain: "setuid"}, NewGIDMap: isolation.Program{Path: "/usr/bin/newgidmap", Gain: "setuid"},
		Full: isolation.Trial{OK: true, OwnProc: true}, OneID: isolation.Trial{OK: true, OwnProc: true},
	},
	State: doctor.State{
		Dir: "/home/bob/.local/share/shbuild", At: "/home/bob/.local/share", Filesystem: "ext4", Writable: true, Attributes: true,
		Free: 20 << 30, Size: 100 << 30, FreeFiles: 5_000_000, Files: 6_000_000,
	},
	Memory: doctor.Trial{OK: true}, Pasta: "/usr/bin/pasta", Tun: doctor.Trial{OK: true},
}}

// without makes namespaces that cannot be had.
func without(cause userns.Cause, text, advice string, rungs ...isolation.Rung) func(*doctor.Facts) {
	return func(f *doctor.Facts) {
		t := isolation.Trial{Error: text, Advice: advice, Cause: cause}
		for _, r := range rungs {
			switch r {
			case isolation.Full:
				f.Isolation.Full, f.IDs = t, "one id"
			case isolation.OneID:
				f.Isolation.OneID, f.IDs, f.Overlay = t, "", nil
			}
		}
	}
}

const (
	noClone = "make a user namespace: operation not permitted"
	noRight = "map user ids: /usr/bin/newuidmap: exit status 1: newuidmap: write to uid_map failed: Operation not permitted"
)

// in makes it a container's: on an overlay, with parts of /proc hidden, and without devices.
func in(p doctor.Place, uid int) func(*doctor.Facts) {
	return func(f *doctor.Facts) {
		f.Place, f.Isolation.UID = p, uid
		f.State.Filesystem, f.State.Dir, f.State.At = "overlay", "/home/bob/.local/share/shbuild", "/home/bob"
		f.Isolation.Full.OwnProc, f.Isolation.OneID.OwnProc = false, false
		f.Overlay = &doctor.Trial{Error: "put overlayfs on an overlay: invalid argument"}
		f.Tun, f.Pasta = doctor.Trial{Error: "open /dev/net/tun: no such file or directory"}, ""
		f.Memory = doctor.Trial{Error: "make a cgroup: read-only file system", Advice: "/sys/fs/cgroup is read-only, as in a container: mount it with write access, or limit the container itself"}
		if uid == 0 {
			f.State.Dir, f.State.At, f.IDs = "/root/.local/share/shbuild", "/root", "every id"
			f.Isolation.Caps = []string{
				"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
				"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP",
			}
		}
	}
}

var (
	both     = []isolation.Rung{isolation.Full, isolation.OneID}
	filtered = without(userns.Seccomp, noClone, "a seccomp filter forbids them", both...)
	volume   = func(f *doctor.Facts) {
		f.State.Dir, f.State.At, f.State.Filesystem, f.Overlay = "/state", "/state", "ext4", &doctor.Trial{OK: true}
	}
	sysctl = func(name, value string) func(*doctor.Facts) {
		return func(f *doctor.Facts) { f.Isolation.Sysctls[name] = value }
	}
)

// places are as many as were seen or can be thought of.
var places = map[string]place{
	"host": host,
	"host-root": changed(host, func(f *doctor.Facts) {
		f.Isolation.UID, f.IDs = 0, "every id"
	}),
	"host-no-newuidmap": changed(host, without(userns.NoProgram, "map user ids: newuidmap is not installed", "sudo apt-get install uidmap", isolation.Full)),
	"host-no-ranges": changed(host, without(userns.NoRanges, "map user ids: /etc/subuid has no range of ids for bob",
		"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 bob", isolation.Full)),
	"host-no-new-privileges": changed(host, without(userns.NoNewPrivs, noRight, "no_new_privs is on", isolation.Full)),
	"host-nosuid": changed(host, without(userns.Nosuid, noRight, "/usr/bin/newuidmap is on a file system that is mounted nosuid: mount it without, or install it elsewhere",
		isolation.Full)),
	"host-clone-sysctl": notAny(changed(host, sysctl("kernel.unprivileged_userns_clone", "0"),
		without(userns.CloneSysctl, noClone, "allow them: sudo sysctl -w kernel.unprivileged_userns_clone=1", both...))),
	"host-max-user-namespaces": notAny(changed(host, sysctl("user.max_user_namespaces", "0"),
		without(userns.LimitSysctl, "make a user namespace: no space left on device", "allow more of them: sudo sysctl -w user.max_user_namespaces=15000", both...))),
	"host-ubuntu": notAny(changed(host, sysctl("kernel.apparmor_restrict_unprivileged_userns", "1"),
		without(userns.AppArmorSysctl, "separate the mounts in the user namespace: permission denied",
			"AppArmor keeps ordinary users from it; a profile allows it to this program: shbuild doctor --apparmor | sudo tee /etc/apparmor.d/shbuild && sudo apparmor_parser -r /etc/apparmor.d/shbuild",
			both...))),
	"host-selinux": notAny(changed(host, func(f *doctor.Facts) { f.Isolation.SELinux = true }, without("", noClone, "", both...))),
	"host-nfs":     changed(host, func(f *doctor.Facts) { f.State.Filesystem, f.State.Attributes = "nfs4", false }),
	"host-no-overlay": changed(host, func(f *doctor.Facts) {
		f.Overlay = &doctor.Trial{Error: "mount the layers with overlayfs: no such device", Advice: "this kernel has no overlayfs: modprobe overlay as root"}
	}),
	"host-tun": changed(host, func(f *doctor.Facts) {
		f.Tun, f.Pasta, f.Slirp = doctor.Trial{Error: "open /dev/net/tun: permission denied"}, "", "/usr/bin/slirp4netns"
	}),
	"host-no-cgroup": changed(host, func(f *doctor.Facts) {
		f.Memory = doctor.Trial{Error: "make a cgroup: permission denied", Advice: "run it in a cgroup of your own: systemd-run --user --scope -p Delegate=yes shbuild …; or as root"}
	}),
	"host-full-disk":      changed(host, func(f *doctor.Facts) { f.State.Free = 300 << 20 }),
	"host-few-inodes":     changed(host, func(f *doctor.Facts) { f.State.FreeFiles = 1234 }),
	"host-read-only":      notAny(changed(host, func(f *doctor.Facts) { f.State.Writable = false })),
	"host-as-asked":       asked(host, isolation.OneID, true),
	"host-not-as-asked":   asked(host, isolation.Chroot, false),
	"host-none-asked-for": asked(host, isolation.None, false),

	"docker":            changed(host, in(doctor.Docker, 0), filtered),
	"docker-nodev":      notAny(changed(host, in(doctor.Docker, 0), filtered, func(f *doctor.Facts) { f.State.NoDev = true })),
	"docker-unconfined": changed(host, in(doctor.Docker, 0)),
	"docker-volume":     changed(host, in(doctor.Docker, 0), volume),
	"docker-unmasked": changed(host, in(doctor.Docker, 0), volume, func(f *doctor.Facts) {
		f.Isolation.Full.OwnProc, f.Isolation.OneID.OwnProc = true, true
	}),
	"docker-user":             notAny(changed(host, in(doctor.Docker, 1000), filtered)),
	"docker-user-no-uidmap":   changed(host, in(doctor.Docker, 1000), without(userns.NoProgram, "map user ids: newuidmap is not installed", "sudo apt-get install uidmap", isolation.Full)),
	"docker-user-no-ranges":   changed(host, in(doctor.Docker, 1000), without(userns.NoRanges, "map user ids: /etc/subuid has no range of ids for 1000", "sudo usermod …", isolation.Full)),
	"docker-user-setuid":      changed(host, in(doctor.Docker, 1000), without(userns.SetuidBounded, noRight, "in a container without CAP_SYS_ADMIN the setuid bit is not enough, file capabilities are: …", isolation.Full)),
	"docker-no-new-privs":     changed(host, in(doctor.Docker, 1000), without(userns.NoNewPrivs, noRight, "no_new_privs is on", isolation.Full)),
	"docker-no-capabilities":  notAny(changed(host, in(doctor.Docker, 0), filtered, func(f *doctor.Facts) { f.Isolation.Caps = nil })),
	"docker-on-an-old-debian": notAny(changed(host, in(doctor.Docker, 1000), without(userns.CloneSysctl, noClone, "allow them: sudo sysctl -w kernel.unprivileged_userns_clone=1", both...))),
	"docker-apparmor": changed(host, in(doctor.Docker, 0),
		without(userns.AppArmor, "separate the mounts in the user namespace: permission denied", "the AppArmor profile docker-default forbids it", both...)),

	"docker-user-nothing": notAny(changed(host, in(doctor.Docker, 1000), filtered,
		without(userns.NoRanges, "map user ids: /etc/subuid has no range of ids for 1000", "sudo usermod …", isolation.Full))),
	"docker-user-no-home": notAny(changed(host, in(doctor.Docker, 1000), filtered, func(f *doctor.Facts) {
		f.State.Dir, f.State.At, f.State.Writable = "/.local/share/shbuild", "/", false
	})),

	"podman":           notAny(changed(host, in(doctor.Podman, 0), filtered, func(f *doctor.Facts) { f.Isolation.InUserNS = true })),
	"podman-sys-admin": changed(host, in(doctor.Podman, 0), func(f *doctor.Facts) { f.Isolation.InUserNS = true }),

	"pod-restricted": notAny(changed(host, in(doctor.Kubernetes, 1000), volume, filtered)),
	"pod-no-new-privs": changed(host, in(doctor.Kubernetes, 1000), volume,
		without(userns.NoNewPrivs, noRight, "no_new_privs is on", isolation.Full)),
	"pod-host-users-false": changed(host, in(doctor.Kubernetes, 0), volume, func(f *doctor.Facts) { f.Isolation.InUserNS = true }),
	"pod-apparmor": notAny(changed(host, in(doctor.Kubernetes, 1000), volume,
		without(userns.AppArmor, "separate the mounts in the user namespace: permission denied", "the AppArmor profile cri-containerd.apparmor.d forbids it", both...))),
	"container": changed(host, in(doctor.Container, 0), filtered),
}

func notAny(p place) place {
	p.run = false
	return p
}

func asked(p place, want isolation.Rung, run bool) place {
	p.want, p.run = want, run
	return p
}

// TestPlaces shows the screen of each place: testdata/NAME.txt, which UPDATE_DOCTOR=1 writes.
func TestPlaces(t *testing.T) {
	for name, p := range places {
		t.Run(name, func(t *testing.T) {
			d := doctor.Diagnose(p.facts, p.want)
			if d.RUN != p.run {
				t.Errorf("run: %t", d.RUN)
			}
			var b strings.Builder
			if err := d.Write(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", name+".txt"), b.String())
			// What cannot be had has a way to it.
			for _, f := range d.Findings {
				if f.Level == doctor.Bad && f.Mend == "" {
					t.Errorf("%+v", f)
				}
			}
			if lines := strings.Count(b.String(), "\n"); lines > 24 {
				t.Errorf("%d lines are no screen", lines)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := places[strings.TrimSuffix(filepath.Base(file), ".txt")]; !ok {
			t.Errorf("%s is of no place", file)
		}
	}
}

// TestJSON has the diagnosis in JSON, and back again the same.
func TestJSON(t *testing.T) {
	for name, p := range places {
		d := doctor.Diagnose(p.facts, p.want)
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var again doctor.Diagnosis
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestProfile is the AppArmor profile that is in the repository.
func TestProfile(t *testing.T) {
	golden(t, "../../scripts/apparmor/shbuild", doctor.AppArmorProfile("/usr/{,local/}bin/shbuild"))
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_DOCTOR") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (UPDATE_DOCTOR=1 go test writes it):\n%s", file, diff)
	}
}
