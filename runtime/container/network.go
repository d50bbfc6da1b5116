package container

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// networkMounts gives the container an /etc/resolv.conf after the host's, and an /etc/hosts that knows localhost
// and its own name: BuildKit's text, for images must not depend on the names that a host knows. Both are
// read-only. They are removed by the returned function.
func networkMounts(spec *sandbox.Spec) ([]*configs.Mount, func(), error) {
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read the name servers: %w", err)
	}
	var mounts []*configs.Mount
	var made []string
	remove := func() {
		for _, file := range made {
			_ = os.Remove(file)
		}
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{"resolv.conf", resolvConf(resolv, servers(spec))}, {"hosts", hosts(spec)}} {
		file := filepath.Join(spec.StateDir, spec.ID+"."+f.name)
		made = append(made, file)
		// Its mode must not depend on the umask: programs of any user read it.
		if err := errors.Join(os.WriteFile(file, f.text, 0o644), os.Chmod(file, 0o644)); err != nil {
			remove()
			return nil, nil, fmt.Errorf("write the container's %s: %w", f.name, err)
		}
		mounts = append(mounts, bind(file, "/etc/"+f.name, true, noAccess))
	}
	return mounts, remove, nil
}

func hosts(spec *sandbox.Spec) []byte {
	text := "127.0.0.1\tlocalhost " + spec.Hostname + "\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	for _, line := range spec.Hosts {
		text += line + "\n"
	}
	return []byte(text)
}

// publicServers are BuildKit's name servers where the host names none.
var publicServers = []string{"8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"}

// servers gives the container's name servers for the host's. Those on loopback can be reached in the host's network
// alone.
func servers(spec *sandbox.Spec) func(host []netip.Addr) []netip.Addr {
	notOwn := func(host []netip.Addr) []netip.Addr { return slices.DeleteFunc(host, netip.Addr.IsLoopback) }
	switch {
	case spec.NoNetwork:
		return notOwn
	case spec.Private == nil:
		return func(host []netip.Addr) []netip.Addr { return host }
	}
	// The first, by IPv4, is the one that is asked by what stands in for it. It cannot be asked by its own address too:
	// pasta lets its answers come from there.
	forwarder := spec.Private.NameServer
	return func(host []netip.Addr) []netip.Addr {
		if first := slices.IndexFunc(host, netip.Addr.Is4); first >= 0 {
			host[first] = forwarder
		}
		if host = notOwn(host); len(host) == 0 {
			return []netip.Addr{forwarder}
		}
		return host
	}
}

// resolvConf rewrites the host's resolv.conf as BuildKit does: comments go, the last search line counts, options
// add up.
func resolvConf(text []byte, choose func([]netip.Addr) []netip.Addr) []byte {
	var servers []netip.Addr
	var search, options, other []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.Fields(line)
		if len(words) == 0 || line[0] == '#' || line[0] == ';' {
			continue
		}
		switch words[0] {
		case "nameserver":
			if len(words) < 2 {
				continue
			}
			if a, err := netip.ParseAddr(words[1]); err == nil {
				servers = append(servers, a)
			}
		case "search", "domain":
			if len(words) > 1 {
				search = words[1:]
			}
		case "options":
			options = append(options, words[1:]...)
		default:
			other = append(other, line)
		}
	}
	if servers = choose(servers); len(servers) == 0 {
		for _, text := range publicServers {
			servers = append(servers, netip.MustParseAddr(text))
		}
	}
	var out bytes.Buffer
	for _, s := range servers {
		fmt.Fprintln(&out, "nameserver", s)
	}
	for _, list := range [][]string{slices.Insert(search, 0, "search"), slices.Insert(options, 0, "options")} {
		if len(list) > 1 {
			fmt.Fprintln(&out, strings.Join(list, " "))
		}
	}
	for _, line := range other {
		fmt.Fprintln(&out, line)
	}
	return out.Bytes()
}

// ownSysfs says whether the kernel lets a container with a network namespace of its own mount a sysfs: not where
// an outer container hides parts of its own. It is tried on a thread that ends with the trial.
var ownSysfs = sync.OnceValue(func() bool {
	answer := make(chan bool)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, and its namespace, end with the goroutine
		answer <- unix.Unshare(unix.CLONE_NEWNET) == nil && mountsSysfs()
	}()
	return <-answer
})

// privateSysfs says whether it lets one in the network that this process is in. Another root has no right to that: the
// network is the build's.
var privateSysfs = sync.OnceValue(mountsSysfs)

func mountsSysfs() bool {
	fs, err := unix.Fsopen("sysfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return false
	}
	defer unix.Close(fs)
	if unix.FsconfigCreate(fs) != nil {
		return false
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return false
	}
	unix.Close(mount)
	return true
}
