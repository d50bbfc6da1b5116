package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// networks says whether a build can have a network of its own here.
func networks() bool {
	if os.Getuid() != 0 {
		return os.Getenv("SHBUILD_TEST_NETWORK") != ""
	}
	_, pasta := exec.LookPath("pasta")
	_, slirp := exec.LookPath("slirp4netns")
	return (pasta == nil || slirp == nil) && unix.Access("/dev/net/tun", unix.R_OK|unix.W_OK) == nil
}

// dial is a program for containers: it prints what is answered at an address.
func dial() {
	conn, err := net.DialTimeout("tcp", os.Args[1], 3*time.Second)
	if err == nil {
		_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
		_, err = io.Copy(os.Stdout, conn)
	}
	if err != nil {
		fmt.Println("no answer:", err)
		os.Exit(7)
	}
}

// listen is a command of the scripts: "listen NAME loopback|machine" answers "hello" to whoever connects there, and puts
// the address into a variable.
func listen(ts *testscript.TestScript, _ bool, args []string) {
	address := "127.0.0.1"
	if args[1] == "machine" {
		address = machine(ts)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("hello\n"))
			conn.Close()
		}
	}()
	ts.Setenv(args[0], l.Addr().String())
}

// machine is an address of this machine's that is not on loopback.
func machine(ts *testscript.TestScript) string {
	all, err := net.InterfaceAddrs()
	ts.Check(err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	ts.Fatalf("this machine has no address but loopback")
	return ""
}

// A build ends its network, whether it is interrupted or killed.
func TestPrivateNetworkEnds(t *testing.T) {
	if !networks() {
		t.Skip("no pasta and no slirp4netns, or no /dev/net/tun: scripts/as-test-user gives one")
	}
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		b := newBuilding(t, "FROM builtin:toybox\nRUN echo ready; sleep 65432.19\n")
		cmd, said := b.command("--network", "private")
		check(t, cmd.Start())
		await(t, said, " ready\n")
		var helpers []string
		for _, pid := range startedBy(fmt.Sprint(cmd.Process.Pid)) {
			if text, _ := os.ReadFile("/proc/" + pid + "/cmdline"); strings.HasPrefix(string(text), "pasta") || strings.HasPrefix(string(text), "slirp4netns") {
				helpers = append(helpers, pid)
			}
		}
		if len(helpers) == 0 {
			t.Errorf("the build has no network: this test shows nothing\n%s", said)
		}
		check(t, cmd.Process.Signal(signal))
		_ = cmd.Wait()
		gone(t, "65432.19")
		for end := time.Now().Add(10 * time.Second); len(helpers) > 0; time.Sleep(20 * time.Millisecond) {
			if _, err := os.Stat("/proc/" + helpers[0]); err != nil {
				helpers = helpers[1:]
			} else if time.Now().After(end) {
				t.Errorf("%v: the network's process %s is still there", signal, helpers[0])
				break
			}
		}
	}
}

// startedBy are the processes that a process has started, and what those have.
func startedBy(pid string) (found []string) {
	lists, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for child := range strings.FieldsSeq(string(text)) {
			found = append(append(found, child), startedBy(child)...)
		}
	}
	return found
}
