package system

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// mount is a mounted file system.
type mount struct{ device, folder string }

func df(c *applet.Call) error {
	o, err := c.Options("h,human-readable k P,portability")
	if err != nil {
		return err
	}
	all, err := mounts()
	if err != nil {
		return err
	}
	type row struct {
		mount
		st unix.Statfs_t
	}
	var rows []row
	if len(o.Args) == 0 {
		for _, m := range all {
			var st unix.Statfs_t
			if unix.Statfs(m.folder, &st) == nil && st.Blocks > 0 {
				rows = append(rows, row{m, st})
			}
		}
	}
	for _, name := range o.Args {
		var st unix.Statfs_t
		err := unix.Statfs(c.Path(name), &st)
		if err != nil {
			c.Warn(applet.At(name, err))
			continue
		}
		dir, err := c.Getwd()
		if err != nil {
			return err
		}
		path := name
		if !filepath.IsAbs(name) {
			path = dir + "/" + name
		}
		rows = append(rows, row{mountOf(all, path), st})
	}
	if len(rows) == 0 {
		return nil
	}
	unit := "1K-blocks"
	if o.Has("h") {
		unit = "Size"
	}
	fmt.Fprintf(c.Stdout, "%-20s %10s %10s %10s %4s %s\n", "Filesystem", unit, "Used", "Available", "Use%", "Mounted on")
	for _, r := range rows {
		printMount(c, o, r.mount, r.st)
	}
	return nil
}

// mounts reads /proc/self/mounts, where "\040" is a blank.
func mounts() ([]mount, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []mount
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 {
			all = append(all, mount{fields[0], strings.ReplaceAll(fields[1], `\040`, " ")})
		}
	}
	return all, lines.Err()
}

// mountOf is the mount that a file is on: of those above it, the one that is nearest, and of
// several in one place the last.
func mountOf(all []mount, path string) mount {
	found := mount{"-", ""}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return found
	}
	for _, m := range all {
		above := strings.TrimSuffix(m.folder, "/") + "/"
		if strings.HasPrefix(real+"/", above) && len(m.folder) >= len(found.folder) {
			found = m
		}
	}
	return found
}

func printMount(c *applet.Call, o *applet.Options, m mount, st unix.Statfs_t) {
	block := uint64(st.Frsize)
	total, used, free := int64(st.Blocks*block), int64((st.Blocks-st.Bfree)*block), int64(st.Bavail*block)
	percent := "-"
	if used+free > 0 {
		percent = fmt.Sprintf("%d%%", (used*100+used+free-1)/(used+free))
	}
	size := func(n int64) string { return fmt.Sprint((n + 1023) / 1024) }
	if o.Has("h") {
		size = applet.HumanSize
	}
	fmt.Fprintf(c.Stdout, "%-20s %10s %10s %10s %4s %s\n", m.device, size(total), size(used), size(free), percent, m.folder)
}
