package system

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// ps lists all processes, whatever options ask for: "ps", "ps aux", "ps -ef".
func ps(c *applet.Call) error {
	for _, arg := range c.Args {
		if strings.Trim(strings.TrimPrefix(arg, "-"), "aAefluwx") != "" {
			return applet.Usagef("'%s' is not known", arg)
		}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	fmt.Fprintf(c.Stdout, "%7s %-8s %s\n", "PID", "USER", "COMMAND")
	for _, pid := range pids {
		dir := fmt.Sprintf("/proc/%d", pid)
		info, err := os.Stat(dir)
		if err != nil {
			continue // it has ended
		}
		user := applet.UserName(info.Sys().(*syscall.Stat_t).Uid)
		fmt.Fprintf(c.Stdout, "%7d %-8s %s\n", pid, user, commandLine(dir))
	}
	return nil
}

func commandLine(dir string) string {
	if args, err := os.ReadFile(dir + "/cmdline"); err == nil && len(args) > 0 {
		return strings.ReplaceAll(strings.TrimRight(string(args), "\x00"), "\x00", " ")
	}
	name, _ := os.ReadFile(dir + "/comm")
	return "[" + strings.TrimSpace(string(name)) + "]"
}

// chroot becomes a command below another root.
func chroot(c *applet.Call) error {
	o, err := c.Options("+")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 {
		return applet.Usagef("no folder given")
	}
	root, argv := o.Args[0], o.Args[1:]
	if len(argv) == 0 {
		argv = []string{"sh", "-i"}
	}
	if err := errors.Join(syscall.Chroot(c.Path(root)), os.Chdir("/")); err != nil {
		return applet.At("cannot change root to '"+root+"'", err)
	}
	c.Dir = ""
	return become(c, argv, c.Environ)
}
