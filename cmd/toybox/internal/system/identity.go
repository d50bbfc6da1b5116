package system

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// identity is who a process or a user of /etc/passwd is.
type identity struct {
	uid, gid, euid, egid uint32
	groups               []uint32 // the effective group first
}

func own() (identity, error) {
	who := identity{
		uid: uint32(os.Getuid()), gid: uint32(os.Getgid()),
		euid: uint32(os.Geteuid()), egid: uint32(os.Getegid()),
	}
	groups, err := os.Getgroups()
	who.groups = []uint32{who.egid}
	for _, gid := range groups {
		if !slices.Contains(who.groups, uint32(gid)) {
			who.groups = append(who.groups, uint32(gid))
		}
	}
	return who, err
}

func identityOf(name string) (identity, error) {
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return identity{}, fmt.Errorf("'%s': no such user", name)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	ids, err3 := u.GroupIds()
	who := identity{uid: uint32(uid), gid: uint32(gid), euid: uint32(uid), egid: uint32(gid)}
	who.groups = []uint32{who.gid}
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil && uint32(n) != who.gid {
			who.groups = append(who.groups, uint32(n))
		}
	}
	return who, errors.Join(err1, err2, err3)
}

func lookup(args []string) (identity, error) {
	switch len(args) {
	case 0:
		return own()
	case 1:
		return identityOf(args[0])
	}
	return identity{}, applet.Usagef("one user at most")
}

func id(c *applet.Call) error {
	o, err := c.Options("u,user g,group G,groups n,name r,real")
	if err != nil {
		return err
	}
	who, err := lookup(o.Args)
	if err != nil {
		return err
	}
	if o.Has("r") {
		who.euid, who.egid = who.uid, who.gid
	}
	number := func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
	userName, groupName := number, number
	if o.Has("n") {
		userName, groupName = applet.UserName, applet.GroupName
	}
	switch {
	case o.Has("u"):
		fmt.Fprintln(c.Stdout, userName(who.euid))
	case o.Has("g"):
		fmt.Fprintln(c.Stdout, groupName(who.egid))
	case o.Has("G"):
		fmt.Fprintln(c.Stdout, list(who.groups, groupName, " "))
	case o.Has("n") || o.Has("r"):
		return applet.Usagef("-n and -r go with -u, -g or -G")
	default:
		fmt.Fprintln(c.Stdout, who)
	}
	return nil
}

// String is the line that id prints.
func (who identity) String() string {
	line := "uid=" + named(who.uid, applet.UserName) + " gid=" + named(who.gid, applet.GroupName)
	if who.euid != who.uid {
		line += " euid=" + named(who.euid, applet.UserName)
	}
	if who.egid != who.gid {
		line += " egid=" + named(who.egid, applet.GroupName)
	}
	return line + " groups=" + list(who.groups, func(gid uint32) string { return named(gid, applet.GroupName) }, ",")
}

// named is "0(root)", or the number alone if it has no name.
func named(n uint32, name func(uint32) string) string {
	number := strconv.FormatUint(uint64(n), 10)
	if text := name(n); text != number {
		return number + "(" + text + ")"
	}
	return number
}

func list(ids []uint32, text func(uint32) string, separator string) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = text(id)
	}
	return strings.Join(words, separator)
}

func groups(c *applet.Call) error {
	o, err := c.Options("")
	if err != nil {
		return err
	}
	who, err := lookup(o.Args)
	if err != nil {
		return err
	}
	if len(o.Args) > 0 {
		fmt.Fprint(c.Stdout, o.Args[0], " : ")
	}
	fmt.Fprintln(c.Stdout, list(who.groups, applet.GroupName, " "))
	return nil
}

func whoami(c *applet.Call) error {
	if len(c.Args) > 0 {
		return applet.Usagef("extra operand '%s'", c.Args[0])
	}
	uid := strconv.Itoa(os.Geteuid())
	u, err := user.LookupId(uid)
	if err != nil {
		return fmt.Errorf("cannot find name for user ID %s", uid)
	}
	fmt.Fprintln(c.Stdout, u.Username)
	return nil
}
