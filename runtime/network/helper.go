package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// helper is a program that connects a network namespace.
type helper struct {
	name, path string
	// command completes a command: the program has to get the namespace, write to ready when the network is there, and
	// may end when leash has no writer any more.
	command func(cmd *exec.Cmd, a addresses, namespace, ready, leash *os.File)
}

// helpers in the order in which they are taken.
var helpers = []helper{
	{name: "pasta", command: pasta},
	{name: "slirp4netns", command: slirp4netns},
}

// pasta writes its number when it is ready. Of the files that it is given newer versions close all but the standard ones
// first of all.
func pasta(cmd *exec.Cmd, a addresses, namespace, ready, _ *os.File) {
	cmd.Stdin, cmd.Stdout = namespace, ready
	cmd.Args = []string{
		"pasta", "--foreground", "--quiet",
		"--netns-only", "--no-netns-quit", "--netns", "/proc/self/fd/0", "--pid", "/proc/self/fd/1",
		"--runas", "0:0", // else nobody, where it takes us for the host's root
		"--config-net", "--ns-ifname", "eth0",
		"--address", a.own.String(), "--netmask", strconv.Itoa(bits), "--gateway", a.gateway.String(),
		"--dns-forward", a.names.String(),
		"--no-map-gw", "--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
	}
}

func slirp4netns(cmd *exec.Cmd, a addresses, namespace, ready, leash *os.File) {
	cmd.Stdin = leash
	cmd.ExtraFiles = []*os.File{namespace, ready} // 3 and 4
	cmd.Args = []string{
		"slirp4netns", "--configure", "--mtu=65520", "--cidr=" + a.net.String(),
		"--disable-host-loopback", "--enable-sandbox", "--enable-seccomp",
		"--ready-fd=4", "--exit-fd=0", "--netns-type=path", "/proc/self/fd/3", "eth0",
	}
}

// find chooses a helper, and sees that it can work.
func find() (helper, error) {
	for _, h := range helpers {
		path, err := exec.LookPath(h.name)
		if err == nil {
			h.path = path
			return h, tun()
		}
	}
	return helper{}, &Error{errors.New("neither pasta nor slirp4netns is installed"),
		"sudo apt-get install passt, or slirp4netns; without: --network host"}
}

// device is what both make a network interface with.
const device = "/dev/net/tun"

// tun sees whether the device can be used.
func tun() error {
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	switch {
	case err == nil:
		return f.Close()
	case errors.Is(err, os.ErrPermission):
		return &Error{errors.New(device + " may not be opened by you"),
			"sudo chmod 666 " + device + ", as on most machines; without: --network host"}
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return &Error{errors.New("there is no " + device),
			"sudo modprobe tun; in a container: --device " + device + "; without: --network host"}
	}
	return fmt.Errorf("try the network device: %w", err)
}

// Error is why this machine gives no network.
type Error struct {
	Err    error
	Advice string
}

func (e *Error) Error() string { return "make a private network: " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Hint says how to get one.
func (e *Error) Hint() string { return e.Advice }

// addresses are the network's: slirp4netns's own, which it derives from the prefix.
type addresses struct {
	net                 netip.Prefix
	own, gateway, names netip.Addr
}

const bits = 24

// choose takes addresses that the machine has no other use for, as far as its interfaces tell.
func choose() addresses {
	used, _ := net.InterfaceAddrs()
	for _, text := range []string{"10.0.2.0", "10.213.2.0", "192.168.213.0"} {
		p := netip.PrefixFrom(netip.MustParseAddr(text), bits)
		if free(p, used) {
			return at(p)
		}
	}
	return at(netip.PrefixFrom(netip.MustParseAddr("10.0.2.0"), bits))
}

func free(p netip.Prefix, used []net.Addr) bool {
	for _, a := range used {
		if u, err := netip.ParsePrefix(a.String()); err == nil && u.Overlaps(p) {
			return false
		}
	}
	return true
}

func at(p netip.Prefix) addresses {
	b := p.Addr().As4()
	host := func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{b[0], b[1], b[2], n}) }
	return addresses{net: p, own: host(100), gateway: host(2), names: host(3)}
}
