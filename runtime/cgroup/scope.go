package cgroup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/shbuild/shbuild/runtime/userns"
)

// errNoSystemd is in the error for a machine, or a user, that has no systemd to ask.
var errNoSystemd = errors.New("there is no systemd to ask for a cgroup")

// patience is how long systemd may take.
const patience = 10 * time.Second

// enterScope asks systemd for a scope, a cgroup that it starts for this process and hands over to it (Delegate), as
// systemd-run --scope does, and moves this process into it. systemd removes it with its last process.
func (h *hierarchy) enterScope() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	uid, err := caller()
	if err != nil {
		return err
	}
	conn, err := systemd(ctx, uid)
	if err != nil {
		return err
	}
	defer conn.Close()
	name := prefix + strings.ToLower(rand.Text()) + ".scope"
	properties := []property{
		{"Description", dbus.MakeVariant("shbuild: RUNs with a limit of memory")},
		{"PIDs", dbus.MakeVariant([]uint32{0})}, // who asks, by what the kernel says of the socket: our own number is another one there
		{"Delegate", dbus.MakeVariant(true)},
		{"MemoryAccounting", dbus.MakeVariant(true)},
		{"CollectMode", dbus.MakeVariant("inactive-or-failed")},
	}
	call := conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").CallWithContext(ctx,
		"org.freedesktop.systemd1.Manager.StartTransientUnit", 0, name, "fail", properties, []auxiliary{})
	if call.Err != nil {
		return fmt.Errorf("ask systemd for a cgroup: %w", call.Err)
	}
	return h.moved(ctx, name)
}

// moved waits until this process is in the scope, and prepares that.
func (h *hierarchy) moved(ctx context.Context, scope string) error {
	for ctx.Err() == nil {
		own, err := ownPaths()
		if err != nil {
			return err
		}
		if filepath.Base(own[""]) == scope {
			if h.path, err = filepath.Rel("/", own[""]); err != nil {
				return err
			}
			err = h.descend()
			if errors.Is(err, errController) {
				err = errors.New("systemd gives users no memory controller: sudo systemctl edit user@.service, and there [Service] Delegate=memory pids")
			}
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
	return fmt.Errorf("ask systemd for a cgroup: it has not started %s in %v", scope, patience)
}

// property and auxiliary are systemd's types a(sv) and a(sa(sv)).
type property struct {
	Name  string
	Value dbus.Variant
}

type auxiliary struct {
	Name       string
	Properties []property
}

// caller is the host's number of the user that this runs as.
func caller() (int, error) {
	id, err := userns.Caller()
	if err != nil {
		return 0, err
	}
	return userns.Host(id)
}

// systemd connects to the user's systemd, or for root to the system's: by its own socket, or over the bus.
func systemd(ctx context.Context, uid int) (*dbus.Conn, error) {
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if runtime == "" {
		runtime = "/run/user/" + strconv.Itoa(uid)
	}
	private, bus := filepath.Join(runtime, "systemd/private"), "unix:path="+dbus.EscapeBusAddressValue(filepath.Join(runtime, "bus"))
	if own := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); own != "" {
		bus = own
	}
	if uid == 0 {
		private, bus = "/run/systemd/private", "unix:path=/run/dbus/system_bus_socket"
	}
	var last error = errNoSystemd
	for _, at := range []struct {
		address string
		hello   bool
	}{{"unix:path=" + dbus.EscapeBusAddressValue(private), false}, {bus, true}} {
		conn, err := dbus.Dial(at.address, dbus.WithContext(ctx))
		if err != nil {
			continue // it is not there
		}
		if err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(uid))}); err == nil && at.hello {
			err = conn.Hello()
		}
		if err == nil {
			return conn, nil
		}
		conn.Close()
		last = fmt.Errorf("talk to systemd: %w", err)
	}
	return nil, last
}
