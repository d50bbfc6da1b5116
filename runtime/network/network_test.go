package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/userns"
)

// The tests' machine is a network namespace in the user namespace: with a lo, and an interface that has an address and
// the default route, so that they depend on no other network.
const (
	abstract = "@shbuild-test"
	machine  = "192.0.2.7"
	asked    = "SHBUILD_TEST_ASKED"   // the process is to ask for this, see ask
	inside   = "SHBUILD_TEST_MACHINE" // the process is on the tests' machine
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asked) != "":
		os.Exit(ask(os.Getenv(asked)))
	case os.Getenv(inside) != "":
		os.Exit(m.Run())
	}
	os.Exit(userns.Main(func() int {
		cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
		if err := cmd.Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}))
}

// ask is what a process in a network does: "tcp ADDRESS" and "unix ADDRESS" print what is answered there, "dns SERVER NAME"
// an address.
func ask(what string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	words := strings.Fields(what)
	var answer string
	var err error
	switch words[0] {
	case "tcp", "unix":
		var conn net.Conn
		if conn, err = (&net.Dialer{}).DialContext(ctx, words[0], words[1]); err == nil {
			_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
			var text []byte
			text, err = io.ReadAll(conn)
			answer = string(text)
		}
	case "dns":
		r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(words[1], "53"))
		}}
		var found []netip.Addr
		found, err = r.LookupNetIP(ctx, "ip4", words[2])
		answer = fmt.Sprint(found)
	}
	fmt.Print(answer)
	if err != nil {
		fmt.Print(err)
		return 1
	}
	return 0
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// setUp makes the machine, with a name server at an address, and limits the choice to one helper.
func setUp(t *testing.T, h helper, resolver string) {
	t.Helper()
	if _, err := exec.LookPath(h.name); err != nil || tun() != nil {
		if os.Getenv("SHBUILD_TEST_NETWORK") != "" && err == nil {
			t.Fatal(tun())
		}
		t.Skipf("no %s, or no /dev/net/tun here: %v", h.name, err)
	}
	if _, err := net.InterfaceByName("host0"); err != nil {
		run(t, "ip", "link", "set", "lo", "up")
		run(t, "ip", "tuntap", "add", "dev", "host0", "mode", "tap")
		run(t, "ip", "addr", "add", machine+"/24", "dev", "host0")
		run(t, "ip", "link", "set", "host0", "up")
		run(t, "ip", "route", "add", "default", "via", "192.0.2.1")
	}
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver "+resolver+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(file, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount("/etc/resolv.conf", unix.MNT_DETACH) })
	all := helpers
	helpers = []helper{h}
	t.Cleanup(func() { helpers = all })
}

// listen answers a text to whoever connects, until the test ends.
func listen(t *testing.T, address, text string) (port string) {
	t.Helper()
	network := "tcp"
	if address[0] == '@' {
		network = "unix"
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(text))
			conn.Close()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// serveNames is a name server for which every name has the same address.
func serveNames(t *testing.T, resolver string) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", net.JoinHostPort(resolver, "53"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			// The question with its name, type and class, and an answer that points to it.
			end := 12
			for end < n && buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			end += 5
			reply := append([]byte{buf[0], buf[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0}, buf[12:end]...)
			reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 9)
			_, _ = conn.WriteTo(reply, from)
		}
	}()
}

// TestReach is what can be reached from a network, and what cannot.
func TestReach(t *testing.T) {
	type on struct {
		helper   helper
		resolver string
	}
	var all []on
	for _, h := range helpers {
		all = append(all, on{h, "127.0.0.1"}, on{h, machine})
	}
	for _, place := range all {
		t.Run(place.helper.name+" "+place.resolver, func(t *testing.T) {
			setUp(t, place.helper, place.resolver)
			own := listen(t, "127.0.0.1:0", "loopback")
			six := listen(t, "[::1]:0", "loopback")
			open := listen(t, machine+":0", "machine")
			listen(t, abstract, "abstract")
			anywhere := listen(t, ":0", "all")
			serveNames(t, place.resolver)
			n, err := New(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			names := n.NameServer().String()
			gateway := n.addresses.gateway.String()
			var askers sync.WaitGroup
			for _, tt := range []struct {
				what, want string // empty: there is no answer
			}{
				{"unix " + abstract, ""},
				{"tcp 127.0.0.1:" + own, ""},
				{"tcp 127.0.0.1:" + anywhere, ""},
				{"tcp [::1]:" + six, ""},
				{"tcp " + gateway + ":" + own, ""},
				{"tcp " + gateway + ":" + anywhere, ""},
				{"tcp " + names + ":" + own, ""},
				{"tcp " + names + ":" + anywhere, ""},
				{"tcp " + n.addresses.own.String() + ":" + anywhere, ""},
				{"tcp " + machine + ":" + own, ""},
				{"tcp " + machine + ":" + open, "machine"},
				{"tcp " + machine + ":" + anywhere, "all"},
				{"dns " + names + " example.org", "[198.51.100.9]"},
			} {
				askers.Go(func() {
					cmd := exec.Command("/proc/self/exe")
					cmd.Env = append(os.Environ(), asked+"="+tt.what)
					var said strings.Builder
					cmd.Stdout = &said
					err := n.Start(cmd)
					if err == nil {
						err = cmd.Wait()
					}
					if tt.want == "" && err == nil || tt.want != "" && said.String() != tt.want {
						t.Errorf("%s: %q, %v; want %q", tt.what, said.String(), err, tt.want)
					}
				})
			}
			askers.Wait()
		})
	}
}

// TestEnd leaves no process, and says what went wrong with one that ends too early.
func TestEnd(t *testing.T) {
	for _, h := range helpers {
		t.Run(h.name, func(t *testing.T) {
			setUp(t, h, "127.0.0.1")
			n, err := New(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pid := n.program.Process.Pid
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			if err := unix.Kill(pid, 0); err != unix.ESRCH {
				t.Errorf("the program is still there: %v", err)
			}
		})
	}
}

// TestMissing says what is missing.
func TestMissing(t *testing.T) {
	all := helpers
	defer func() { helpers = all }()
	for _, tt := range []struct {
		helper helper
		err    string
		hint   string
	}{
		{helper{name: "no-such-program"}, "make a private network: neither pasta nor slirp4netns is installed", "apt-get install passt"},
		{helper{name: "false", command: pasta}, "make a private network: /usr/bin/false: it has ended (exit status 1)", "--network host"},
	} {
		helpers = []helper{tt.helper}
		_, err := New(t.Context())
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%v", err)
			continue
		}
		if strings.Contains(e.Error(), device) { // the machine has none that can be opened
			continue
		}
		if e.Error() != tt.err || !strings.Contains(e.Hint(), tt.hint) {
			t.Errorf("%v, hint %s", e, e.Hint())
		}
	}
}

// TestChoose keeps clear of the machine's own addresses.
func TestChoose(t *testing.T) {
	_, used, _ := net.ParseCIDR("10.0.0.0/14")
	if free(netip.MustParsePrefix("10.0.2.0/24"), []net.Addr{used}) || !free(netip.MustParsePrefix("10.213.2.0/24"), []net.Addr{used}) {
		t.Error("free is wrong")
	}
	a := at(netip.MustParsePrefix("10.0.2.0/24"))
	if a.own.String() != "10.0.2.100" || a.gateway.String() != "10.0.2.2" || a.names.String() != "10.0.2.3" {
		t.Errorf("%+v", a)
	}
}
