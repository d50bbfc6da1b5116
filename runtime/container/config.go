package container

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/opencontainers/cgroups"
	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// Docker's lists, from moby's oci/defaults.go. Paths that the kernel does not have are passed over.
var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/sys/devices/virtual/powercap", "/sys/firmware",
	}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

const noAccess = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// config is the container in libcontainer's terms.
func config(spec *sandbox.Spec, rootfs string, mounts []*configs.Mount, caps []string) *configs.Config {
	c := &configs.Config{
		Rootfs: rootfs,
		// The user namespace is the one that this process is in.
		Namespaces: configs.Namespaces{
			{Type: configs.NEWNS}, {Type: configs.NEWPID}, {Type: configs.NEWIPC}, {Type: configs.NEWUTS},
		},
		Hostname:      spec.Hostname,
		Mounts:        mounts,
		Capabilities:  capabilitySets(caps),
		MaskPaths:     append(throttlePaths(), maskedPaths...),
		ReadonlyPaths: readonlyPaths,
		NoNewKeyring:  true, // a seccomp filter around us may forbid one; ours forbids the use of any
		// Setuid programs work in Docker's builds.
		NoNewPrivileges: false,
		RootlessCgroups: true,
		Cgroups:         noCgroup(spec),
	}
	for _, d := range specconv.AllowedDevices {
		if d.Path != "" {
			c.Devices = append(c.Devices, d)
		}
	}
	if spec.NoNetwork {
		c.Namespaces.Add(configs.NEWNET, "")
		c.Networks = []*configs.Network{{Type: "loopback"}}
	}
	for _, l := range spec.Limits {
		c.Rlimits = append(c.Rlimits, configs.Rlimit{Type: l.Resource, Soft: l.Soft, Hard: l.Hard})
	}
	if spec.Insecure {
		c.Capabilities.Inheritable, c.Capabilities.Ambient = caps, caps
		c.MaskPaths, c.ReadonlyPaths = nil, nil
	}
	return c
}

// throttlePaths are Docker's masked paths that depend on the machine.
func throttlePaths() []string {
	found, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle")
	return found
}

// noCgroup is the container's cgroup: libcontainer may make none (hideCgroups). Rootless makes it go on without.
func noCgroup(spec *sandbox.Spec) *cgroups.Cgroup {
	g := &cgroups.Cgroup{
		Name:      "shbuild-" + spec.ID,
		Rootless:  true,
		Resources: &cgroups.Resources{Devices: []*devices.Rule{}},
	}
	for _, d := range specconv.AllowedDevices {
		g.Resources.Devices = append(g.Resources.Devices, &d.Rule)
	}
	return g
}

// systemMounts are what every container has. The folders under /dev lie on its tmpfs, not in the root file system.
func systemMounts(spec *sandbox.Spec) []*configs.Mount {
	shm := &configs.Mount{Device: "tmpfs", Source: "shm", Destination: "/dev/shm", Flags: noAccess, Data: "mode=1777,size=65536k"}
	if spec.ShmSize > 0 {
		// BuildKit puts a plain tmpfs there, which allows programs.
		shm = &configs.Mount{Device: "tmpfs", Source: "tmpfs", Destination: "/dev/shm", Flags: unix.MS_NOSUID, Data: fmt.Sprintf("mode=1777,size=%d", spec.ShmSize)}
	}
	mounts := []*configs.Mount{
		{Device: "proc", Source: "proc", Destination: "/proc", Flags: noAccess},
		{Device: "tmpfs", Source: "tmpfs", Destination: "/dev", Flags: unix.MS_NOSUID | unix.MS_STRICTATIME, Data: "mode=755,size=65536k"},
		{Device: "devpts", Source: "devpts", Destination: "/dev/pts", Flags: unix.MS_NOSUID | unix.MS_NOEXEC, Data: "newinstance,ptmxmode=0666,mode=0620,gid=5"},
		shm,
		{Device: "mqueue", Source: "mqueue", Destination: "/dev/mqueue", Flags: noAccess},
	}
	return append(mounts, sysMounts(spec)...)
}

// sysMounts are /sys: the outer one, since a sysfs of its own needs a network namespace of its own. Where there is
// one and the kernel allows it, the outer one would tell of the host's network.
func sysMounts(spec *sandbox.Spec) []*configs.Mount {
	if own := spec.NoNetwork && ownSysfs() || !spec.NoNetwork && spec.Private != nil && privateSysfs(); !own {
		return []*configs.Mount{bind("/sys", "/sys", !spec.Insecure, noAccess)}
	}
	sysfs := &configs.Mount{Device: "sysfs", Source: "sysfs", Destination: "/sys", Flags: noAccess}
	if !spec.Insecure {
		sysfs.Flags |= unix.MS_RDONLY
	}
	return []*configs.Mount{sysfs, bind("/sys/fs/cgroup", "/sys/fs/cgroup", !spec.Insecure, noAccess)}
}

// bind is a mount of a file or a folder with all that is mounted below it. Flags beside read-only apply to the
// top alone.
func bind(source, target string, readOnly bool, flags int) *configs.Mount {
	m := &configs.Mount{Device: "bind", Source: source, Destination: target, Flags: unix.MS_BIND | unix.MS_REC | flags}
	if readOnly {
		m.Flags |= unix.MS_RDONLY
		m.RecAttr = &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	}
	return m
}

// userMount translates a Mount.
func userMount(m sandbox.Mount) (*configs.Mount, error) {
	if !filepath.IsAbs(m.Target) || filepath.Clean(m.Target) == "/" {
		return nil, fmt.Errorf("mount on %q: not an absolute path below /", m.Target)
	}
	var flags int
	var data []string
	for _, o := range m.Options {
		switch o {
		case "nosuid":
			flags |= unix.MS_NOSUID
		case "nodev":
			flags |= unix.MS_NODEV
		case "noexec":
			flags |= unix.MS_NOEXEC
		default:
			data = append(data, o)
		}
	}
	switch m.Type {
	case "", "bind":
		if len(data) > 0 {
			return nil, fmt.Errorf("mount on %s: option %s is not for a bind mount", m.Target, data[0])
		}
		source, err := filepath.Abs(m.Source)
		if err != nil {
			return nil, fmt.Errorf("mount on %s: %w", m.Target, err)
		}
		return bind(source, filepath.Clean(m.Target), m.ReadOnly, flags), nil
	case "tmpfs":
		if m.ReadOnly {
			flags |= unix.MS_RDONLY
		}
		return &configs.Mount{
			Device: "tmpfs", Source: "tmpfs", Destination: filepath.Clean(m.Target),
			Flags: flags, Data: strings.Join(data, ","),
		}, nil
	}
	return nil, fmt.Errorf("mount on %s: type %q is not known", m.Target, m.Type)
}
