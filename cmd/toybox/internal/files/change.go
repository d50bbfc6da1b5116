package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func chmod(c *applet.Call) error {
	// "chmod -x file" looks like options: a mode is taken out before they are parsed.
	var mode string
	for i, arg := range c.Args {
		if len(arg) > 1 && arg[0] == '-' && strings.Trim(arg[1:], "rwxXstugo,+-=") == "" {
			mode = arg
			c.Args = append(append([]string{}, c.Args[:i]...), c.Args[i+1:]...)
			break
		}
		if arg == "--" || arg[:min(1, len(arg))] != "-" {
			break
		}
	}
	o, err := c.Options("R,recursive v,verbose c,changes f,silent,quiet reference:")
	if err != nil {
		return err
	}
	var change applet.Mode
	names := o.Args
	switch {
	case o.Has("reference"):
		info, err := os.Stat(c.Path(o.Get("reference")))
		if err != nil {
			return applet.At(o.Get("reference"), err)
		}
		mode = fmt.Sprintf("%05o", applet.Bits(info.Mode()))
	case mode == "" && len(names) > 0:
		mode, names = names[0], names[1:]
	}
	if len(names) == 0 {
		return applet.Usagef("a mode and a file are needed")
	}
	if change, err = applet.ParseMode(mode); err != nil {
		return err
	}
	for _, name := range names {
		// A link given by name is followed; links in a tree are left alone, they have no mode.
		visit := func(name string, info fs.FileInfo) error { return chmodOne(c, o, name, info, change) }
		if o.Has("R") {
			walk(c, name, visit)
			continue
		}
		info, err := os.Stat(c.Path(name))
		if err == nil {
			err = visit(name, info)
		} else {
			err = applet.At(fmt.Sprintf("cannot access '%s'", name), err)
		}
		if err != nil {
			c.Warn(err)
		}
	}
	return nil
}

func chmodOne(c *applet.Call, o *applet.Options, name string, info fs.FileInfo, change applet.Mode) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil
	}
	old := applet.Bits(info.Mode())
	bits := change.Apply(old, info.IsDir(), c.Umask)
	if err := unix.Chmod(c.Path(name), bits); err != nil {
		if o.Has("f") {
			c.Fail()
			return nil
		}
		return applet.At(fmt.Sprintf("changing permissions of '%s'", name), err)
	}
	if (o.Has("v") || o.Has("c")) && bits != old {
		fmt.Fprintf(c.Stdout, "mode of '%s' changed from %04o (%s) to %04o (%s)\n",
			name, old, applet.Permissions(old), bits, applet.Permissions(bits))
	} else if o.Has("v") {
		fmt.Fprintf(c.Stdout, "mode of '%s' retained as %04o (%s)\n", name, bits, applet.Permissions(bits))
	}
	return nil
}

func chown(c *applet.Call) error { return changeOwner(c, parseOwner) }

func chgrp(c *applet.Call) error {
	return changeOwner(c, func(spec string) (uid, gid int, err error) {
		gid, err = applet.GroupID(spec)
		return -1, gid, err
	})
}

func changeOwner(c *applet.Call, parse func(string) (uid, gid int, err error)) error {
	o, err := c.Options("R,recursive h,no-dereference v,verbose f,silent,quiet reference:")
	if err != nil {
		return err
	}
	names := o.Args
	var uid, gid int
	switch {
	case o.Has("reference"):
		info, err := os.Stat(c.Path(o.Get("reference")))
		if err != nil {
			return applet.At(o.Get("reference"), err)
		}
		uid, gid = int(sysStat(info).Uid), int(sysStat(info).Gid)
	case len(names) > 0:
		if uid, gid, err = parse(names[0]); err != nil {
			return err
		}
		names = names[1:]
	}
	if len(names) == 0 {
		return applet.Usagef("an owner and a file are needed")
	}
	change := os.Chown
	if o.Has("h") || o.Has("R") {
		change = os.Lchown
	}
	for _, name := range names {
		visit := func(name string, _ fs.FileInfo) error {
			err := change(c.Path(name), uid, gid)
			if err != nil && o.Has("f") {
				c.Fail()
				return nil
			}
			if err == nil && o.Has("v") {
				fmt.Fprintf(c.Stdout, "changed ownership of '%s' to %d:%d\n", name, uid, gid)
			}
			return applet.At(fmt.Sprintf("changing ownership of '%s'", name), err)
		}
		if o.Has("R") {
			walk(c, name, visit)
		} else if err := visit(name, nil); err != nil {
			c.Warn(err)
		}
	}
	return nil
}

// parseOwner reads "user", "user:group", "user:" (the user's own group), ":group". -1 leaves
// as is.
func parseOwner(spec string) (uid, gid int, err error) {
	name, group, both := strings.Cut(spec, ":")
	uid, gid = -1, -1
	if name != "" {
		if uid, err = applet.UserID(name); err != nil {
			return 0, 0, err
		}
	}
	switch {
	case group != "":
		gid, err = applet.GroupID(group)
	case both && name != "":
		var u *user.User
		if u, err = user.LookupId(strconv.Itoa(uid)); err != nil {
			return 0, 0, errors.New("invalid spec: '" + spec + "': the user has no group")
		}
		gid, err = strconv.Atoi(u.Gid)
	}
	return uid, gid, err
}
