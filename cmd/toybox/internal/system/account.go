package system

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// newUser is a user to be made.
type newUser struct {
	name, uid, comment, home, shell string
	group                           string // the primary one, by name or number; "": one of the same name
	groups                          []string
	system, makeHome                bool
}

func (e etc) addUser(u newUser) error {
	if err := checkName(u.name); err != nil {
		return err
	}
	users, err := e.users()
	if err != nil {
		return err
	}
	if accountNamed(users, u.name) != nil {
		return fmt.Errorf("user '%s' already exists", u.name)
	}
	uid, err := chosenID(u.uid, users, u.system)
	if err != nil {
		return err
	}
	gid, err := e.primaryGroup(u, uid)
	if err != nil {
		return err
	}
	if err := e.add("passwd", true, u.name, "x", strconv.Itoa(uid), strconv.Itoa(gid), u.comment, u.home, u.shell); err != nil {
		return err
	}
	if err := e.add("shadow", false, u.name, "!", "", "", "", "", "", "", ""); err != nil {
		return err
	}
	for _, group := range u.groups {
		if err := e.join(u.name, group); err != nil {
			return err
		}
	}
	if u.makeHome {
		return e.makeHome(u.home, uid, gid)
	}
	return nil
}

// primaryGroup finds the user's group, or makes one that has the user's name and, if it is
// free, number.
func (e etc) primaryGroup(u newUser, uid int) (int, error) {
	groups, err := e.groups()
	if err != nil {
		return 0, err
	}
	name := u.group
	if name == "" {
		name = u.name
	}
	if g := accountNamed(groups, name); g != nil {
		return g.id(), nil
	}
	if u.group != "" {
		for _, g := range groups {
			if g[2] == u.group {
				return g.id(), nil
			}
		}
		return 0, fmt.Errorf("group '%s' does not exist", u.group)
	}
	gid := strconv.Itoa(uid)
	for _, g := range groups {
		if g[2] == gid {
			gid = ""
			break
		}
	}
	return e.addGroup(u.name, gid, u.system)
}

// makeHome makes a home folder and those above it. One that is there stays as it is.
func (e etc) makeHome(home string, uid, gid int) error {
	path := e.root + "/" + home
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, uid, gid)
}

func useradd(c *applet.Call) error {
	o, err := c.Options("c,comment: d,home-dir: g,gid: G,groups: m,create-home M,no-create-home N,no-user-group " +
		"P,prefix: r,system s,shell: U,user-group u,uid: l,no-log-init")
	if err != nil {
		return err
	}
	if len(o.Args) != 1 {
		return applet.Usagef("one name is needed")
	}
	u := newUser{
		name: o.Args[0], uid: o.Get("u"), comment: o.Get("c"), home: o.Get("d"), shell: o.Get("s"),
		group: o.Get("g"), groups: commas(o.Get("G")), system: o.Has("r"), makeHome: o.Has("m") && !o.Has("M"),
	}
	if o.Has("N") && !o.Has("g") {
		u.group = "users"
	}
	return etc{o.Get("P")}.addUser(u.defaults())
}

func (u newUser) defaults() newUser {
	if u.home == "" {
		u.home = "/home/" + u.name
	}
	if u.shell == "" {
		u.shell = "/bin/sh"
	}
	return u
}

func commas(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// adduser takes the options of Alpine's and the long ones of Debian's.
func adduser(c *applet.Call) error {
	o, err := c.Options("D,disabled-password,disabled-login H,no-create-home S,system h,home: s,shell: u,uid: G,ingroup: " +
		"g,gecos,comment: gid: group q,quiet")
	if err != nil {
		return err
	}
	if len(o.Args) == 2 {
		return etc{}.join(o.Args[0], o.Args[1])
	}
	if len(o.Args) != 1 {
		return applet.Usagef("one name is needed")
	}
	if !o.Has("D") && !o.Has("S") {
		return applet.Usagef("a password cannot be set; -D makes a user without one")
	}
	u := newUser{
		name: o.Args[0], uid: o.Get("u"), comment: o.Get("g"), home: o.Get("h"), shell: o.Get("s"),
		group: o.Get("G") + o.Get("gid"), system: o.Has("S"), makeHome: !o.Has("H"),
	}
	if o.Has("S") && u.group == "" && !o.Has("group") {
		u.group = "nogroup"
	}
	if o.Has("S") && u.shell == "" {
		u.shell = "/bin/false"
	}
	return etc{}.addUser(u.defaults())
}

func groupadd(c *applet.Call) error {
	o, err := c.Options("f,force g,gid: P,prefix: r,S,system q,quiet")
	if err != nil {
		return err
	}
	e := etc{o.Get("P")}
	if c.Name == "addgroup" && len(o.Args) == 2 {
		return e.join(o.Args[0], o.Args[1])
	}
	if len(o.Args) != 1 {
		return applet.Usagef("one name is needed")
	}
	groups, err := e.groups()
	if err != nil {
		return err
	}
	if o.Has("f") && accountNamed(groups, o.Args[0]) != nil {
		return nil
	}
	_, err = e.addGroup(o.Args[0], o.Get("g"), o.Has("r"))
	return err
}
