package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func mkdir(c *applet.Call) error {
	o, err := c.Options("p,parents v,verbose m,mode:")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 {
		return applet.Usagef("no directory given")
	}
	mode, err := modeOption(c, o, 0o777)
	if err != nil {
		return err
	}
	for _, name := range o.Args {
		if err := mkdirOne(c, name, mode, o); err != nil {
			c.Warn(applet.At(fmt.Sprintf("cannot create directory '%s'", name), err))
		}
	}
	return nil
}

// mkdirOne makes a folder, with -p also those that it stands in. A folder that -p finds made
// already is left as it is.
func mkdirOne(c *applet.Call, name string, mode *uint32, o *applet.Options) error {
	if o.Has("p") {
		if isDir(c.Path(name)) {
			return nil
		}
		trimmed := strings.TrimRight(name, "/")
		if i := strings.LastIndexByte(trimmed, '/'); i > 0 {
			if err := mkdirOne(c, trimmed[:i], nil, o); err != nil {
				return err
			}
		}
	}
	err := os.Mkdir(c.Path(name), 0o777)
	if errors.Is(err, fs.ErrExist) && o.Has("p") && isDir(c.Path(name)) {
		return nil // "a/..", or made by another just now
	}
	if err == nil && mode != nil {
		err = unix.Chmod(c.Path(name), *mode)
	}
	if err == nil && o.Has("v") {
		fmt.Fprintf(c.Stdout, "mkdir: created directory '%s'\n", name)
	}
	return err
}

// modeOption is the value of -m, a change of the mode that a new file would have; nil without.
func modeOption(c *applet.Call, o *applet.Options, from uint32) (*uint32, error) {
	if !o.Has("m") {
		return nil, nil
	}
	m, err := applet.ParseMode(o.Get("m"))
	if err != nil {
		return nil, err
	}
	bits := m.Apply(from, false, c.Umask)
	return &bits, nil
}

func mkfifo(c *applet.Call) error {
	o, err := c.Options("m,mode:")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 {
		return applet.Usagef("no file given")
	}
	for _, name := range o.Args {
		if err := node(c, o, name, unix.S_IFIFO, 0); err != nil {
			c.Warn(err)
		}
	}
	return nil
}

func mknod(c *applet.Call) error {
	o, err := c.Options("m,mode:")
	if err != nil {
		return err
	}
	args := o.Args
	if len(args) == 2 && args[1] == "p" {
		return node(c, o, args[0], unix.S_IFIFO, 0)
	}
	kinds := map[string]uint32{"b": unix.S_IFBLK, "c": unix.S_IFCHR, "u": unix.S_IFCHR}
	if len(args) != 4 || kinds[args[1]] == 0 {
		return applet.Usagef("a file, its kind and its numbers are needed")
	}
	major, err1 := strconv.ParseUint(args[2], 0, 32)
	minor, err2 := strconv.ParseUint(args[3], 0, 32)
	if err1 != nil || err2 != nil {
		return applet.Usagef("invalid device number %s,%s", args[2], args[3])
	}
	return node(c, o, args[0], kinds[args[1]], unix.Mkdev(uint32(major), uint32(minor)))
}

func node(c *applet.Call, o *applet.Options, name string, kind uint32, dev uint64) error {
	mode, err := modeOption(c, o, 0o666)
	if err != nil {
		return err
	}
	err = unix.Mknod(c.Path(name), kind|0o666, int(dev))
	if err == nil && mode != nil {
		err = unix.Chmod(c.Path(name), *mode)
	}
	return applet.At(fmt.Sprintf("cannot create '%s'", name), err)
}
