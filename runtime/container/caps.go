package container

import (
	"strings"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"
)

// dockerCaps are the capabilities that Docker gives a container, from moby's oci/caps/defaults.go.
var dockerCaps = []struct {
	name   string
	number uintptr
}{
	{"CAP_CHOWN", unix.CAP_CHOWN},
	{"CAP_DAC_OVERRIDE", unix.CAP_DAC_OVERRIDE},
	{"CAP_FSETID", unix.CAP_FSETID},
	{"CAP_FOWNER", unix.CAP_FOWNER},
	{"CAP_MKNOD", unix.CAP_MKNOD},
	{"CAP_NET_RAW", unix.CAP_NET_RAW},
	{"CAP_SETGID", unix.CAP_SETGID},
	{"CAP_SETUID", unix.CAP_SETUID},
	{"CAP_SETFCAP", unix.CAP_SETFCAP},
	{"CAP_SETPCAP", unix.CAP_SETPCAP},
	{"CAP_NET_BIND_SERVICE", unix.CAP_NET_BIND_SERVICE},
	{"CAP_SYS_CHROOT", unix.CAP_SYS_CHROOT},
	{"CAP_KILL", unix.CAP_KILL},
	{"CAP_AUDIT_WRITE", unix.CAP_AUDIT_WRITE},
}

// capabilities gives those of dockerCaps that can be given: a capability outside this process's own bounding
// set is out of reach for good, and asking for it is an error.
func capabilities() []string {
	var names []string
	for _, c := range dockerCaps {
		if bounded(c.number) {
			names = append(names, c.name)
		}
	}
	return names
}

// allCapabilities gives all that can be given.
func allCapabilities() []string {
	var names []string
	known, _ := capability.ListSupported() // its error is that of a /proc without kernel settings: then none
	for _, c := range known {
		if bounded(uintptr(c)) {
			names = append(names, "CAP_"+strings.ToUpper(c.String()))
		}
	}
	return names
}

func bounded(number uintptr) bool {
	has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, number, 0, 0, 0)
	return err == nil && has == 1
}

// capabilitySets gives the names to the program if it is root. For another user the exec drops them, but
// setuid programs can have them back. None are inheritable or ambient, as in Docker since 20.10.14.
func capabilitySets(names []string) *configs.Capabilities {
	return &configs.Capabilities{Bounding: names, Effective: names, Permitted: names}
}
