package container

import (
	"github.com/shbuild/shbuild/runtime/sandbox"
	"slices"
	"strings"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Describe says what Run would make of a Spec on this machine, as far as that can be told without running it: it
// comes from the same lists.
func Describe(spec sandbox.Spec) (sandbox.Description, error) {
	caps := capabilities()
	c := config(&spec, "/", systemMounts(&spec), caps)
	d := sandbox.Description{Masked: c.MaskPaths, ReadOnly: c.ReadonlyPaths, Capabilities: caps}
	for _, n := range c.Namespaces {
		d.Namespaces = append(d.Namespaces, namespaceNames[n.Type])
	}
	for _, m := range c.Mounts {
		d.Mounts = append(d.Mounts, describeMount(m))
	}
	d.Mounts = append(d.Mounts,
		describeMount(bind("the host's name servers", "/etc/resolv.conf", true, noAccess)),
		describeMount(bind("localhost and the container's own name", "/etc/hosts", true, noAccess)))
	profile, err := seccomp.GetDefaultProfile(&specs.Spec{Process: &specs.Process{
		Capabilities: &specs.LinuxCapabilities{Bounding: caps},
	}})
	if err != nil {
		return d, err
	}
	allowed := map[string]bool{}
	for _, rule := range profile.Syscalls {
		for _, name := range rule.Names {
			if rule.Action == specs.ActAllow {
				allowed[name] = true
			}
		}
	}
	d.Syscalls = len(allowed)
	return d, nil
}

var namespaceNames = map[configs.NamespaceType]string{
	configs.NEWNS: "mount", configs.NEWPID: "PID", configs.NEWIPC: "IPC", configs.NEWUTS: "UTS",
	configs.NEWNET: "network", configs.NEWUSER: "user", configs.NEWCGROUP: "cgroup",
}

func describeMount(m *configs.Mount) string {
	var options []string
	for _, o := range []struct {
		flag int
		name string
	}{
		{unix.MS_RDONLY, "ro"}, {unix.MS_NOSUID, "nosuid"}, {unix.MS_NODEV, "nodev"}, {unix.MS_NOEXEC, "noexec"}, {unix.MS_STRICTATIME, "strictatime"},
	} {
		if m.Flags&o.flag != 0 {
			options = append(options, o.name)
		}
	}
	kind := m.Device
	if m.Flags&unix.MS_BIND != 0 {
		kind = "bind of " + m.Source
	}
	if m.Data != "" {
		options = append(options, strings.Split(m.Data, ",")...)
	}
	text := m.Destination + ": " + kind
	if options = slices.Compact(options); len(options) > 0 {
		text += " (" + strings.Join(options, ", ") + ")"
	}
	return text
}
