package main

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// forNamespaces are what docker's profile lets nobody without CAP_SYS_ADMIN do, and a build does in a user namespace of its
// own. What else that capability opens (bpf, perf_event_open, fanotify_init, quotactl, syslog …) stays closed.
var forNamespaces = []string{
	"chroot", "clone", "clone3", "fsconfig", "fsmount", "fsopen", "mount", "mount_setattr", "move_mount", "open_tree", "pivot_root",
	"setdomainname", "sethostname", "setns", "umount", "umount2", "unshare",
}

// TestSeccompProfile: examples/kubernetes/shbuild.json is docker's default profile and that. UPDATE_PROFILE=1 writes it. It
// has the form of the runtime specification, which kubelets, docker and podman all read, and which knows no conditions: names
// of other processors are in it, and mean nothing where they are not known.
func TestSeccompProfile(t *testing.T) {
	const file = folder + "/shbuild.json"
	got, err := json.MarshalIndent(profile(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if os.Getenv("UPDATE_PROFILE") != "" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not docker's profile and what namespaces need: UPDATE_PROFILE=1 go test", file)
	}
}

func profile() specs.LinuxSeccomp {
	moby := seccomp.DefaultProfile()
	p := specs.LinuxSeccomp{
		DefaultAction: moby.DefaultAction, DefaultErrnoRet: moby.DefaultErrnoRet,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32, specs.ArchAARCH64, specs.ArchARM},
	}
	for _, s := range moby.Syscalls {
		if s.Excludes != nil && slices.Contains(s.Excludes.Caps, "CAP_SYS_ADMIN") || s.Includes != nil && len(s.Includes.Caps) > 0 {
			continue // for those who have it, or not: forNamespaces takes their place
		}
		p.Syscalls = append(p.Syscalls, s.LinuxSyscall)
	}
	p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: forNamespaces, Action: specs.ActAllow})
	return p
}

// TestSeccompForbids names some that are not in it.
func TestSeccompForbids(t *testing.T) {
	for _, s := range profile().Syscalls {
		for _, name := range []string{"bpf", "perf_event_open", "init_module", "kexec_load", "reboot", "open_by_handle_at", "keyctl", "userfaultfd", "swapon", "settimeofday"} {
			if s.Action == specs.ActAllow && slices.Contains(s.Names, name) {
				t.Errorf("it lets %s through", name)
			}
		}
	}
}
