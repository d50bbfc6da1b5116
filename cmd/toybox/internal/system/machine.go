package system

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func uname(c *applet.Call) error {
	o, err := c.Options("a,all s,kernel-name n,nodename r,kernel-release v,kernel-version m,machine o,operating-system")
	if err != nil {
		return err
	}
	if len(o.Args) > 0 {
		return applet.Usagef("extra operand '%s'", o.Args[0])
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	var words []string
	for _, field := range []struct{ name, value string }{
		{"s", unix.ByteSliceToString(u.Sysname[:])}, {"n", unix.ByteSliceToString(u.Nodename[:])},
		{"r", unix.ByteSliceToString(u.Release[:])}, {"v", unix.ByteSliceToString(u.Version[:])},
		{"m", unix.ByteSliceToString(u.Machine[:])}, {"o", "GNU/Linux"},
	} {
		if o.Has(field.name) || o.Has("a") {
			words = append(words, field.value)
		}
	}
	if len(words) == 0 {
		words = []string{unix.ByteSliceToString(u.Sysname[:])}
	}
	fmt.Fprintln(c.Stdout, strings.Join(words, " "))
	return nil
}

func arch(c *applet.Call) error {
	if len(c.Args) > 0 {
		return applet.Usagef("extra operand '%s'", c.Args[0])
	}
	c.Args = []string{"-m"}
	return uname(c)
}

func hostname(c *applet.Call) error {
	o, err := c.Options("s,short")
	if err != nil {
		return err
	}
	if len(o.Args) > 0 {
		return applet.Usagef("the name cannot be set")
	}
	name, err := os.Hostname()
	if o.Has("s") {
		name, _, _ = strings.Cut(name, ".")
	}
	fmt.Fprintln(c.Stdout, name)
	return err
}

func nproc(c *applet.Call) error {
	o, err := c.Options("all ignore:")
	if err != nil {
		return err
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return err
	}
	n := set.Count()
	if o.Has("all") {
		if cpus, err := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*"); err == nil && len(cpus) > 0 {
			n = len(cpus)
		}
	}
	if o.Has("ignore") {
		less, err := strconv.Atoi(o.Get("ignore"))
		if err != nil || less < 0 {
			return applet.Usagef("invalid number '%s'", o.Get("ignore"))
		}
		n = max(1, n-less)
	}
	fmt.Fprintln(c.Stdout, n)
	return nil
}

func syncApplet(c *applet.Call) error {
	if len(c.Args) > 0 {
		return applet.Usagef("everything is synced, single files cannot be")
	}
	unix.Sync()
	return nil
}

func tty(c *applet.Call) error {
	o, err := c.Options("s,silent,quiet")
	if err != nil {
		return err
	}
	name := "not a tty"
	f, isFile := c.Stdin.(*os.File)
	if isFile && term.IsTerminal(int(f.Fd())) {
		if name, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err != nil {
			return err
		}
	} else {
		c.Fail()
	}
	if !o.Has("s") {
		fmt.Fprintln(c.Stdout, name)
	}
	return nil
}

func pwd(c *applet.Call) error {
	o, err := c.Options("L,logical P,physical")
	if err != nil {
		return err
	}
	dir, err := c.Getwd()
	if err != nil {
		return err
	}
	if !o.Has("L") {
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return err
		}
	}
	fmt.Fprintln(c.Stdout, dir)
	return nil
}
