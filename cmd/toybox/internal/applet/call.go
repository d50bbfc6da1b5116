package applet

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// Path is where a name that the user gave is found. Nothing is cleaned: "a/../b" is left to
// the kernel, as a may be a link.
func (c *Call) Path(name string) string {
	if c.Dir == "" || name == "" || name[0] == '/' {
		return name
	}
	return c.Dir + "/" + name
}

// Getwd is the current folder as an absolute path.
func (c *Call) Getwd() (string, error) {
	if c.Dir != "" {
		return c.Dir, nil
	}
	return os.Getwd()
}

// Getenv returns the value of an environment variable, or "".
func (c *Call) Getenv(name string) string {
	for i := len(c.Environ) - 1; i >= 0; i-- {
		if value, found := strings.CutPrefix(c.Environ[i], name+"="); found {
			return value
		}
	}
	return ""
}

// Open opens a file for reading; "-" is the standard input.
func (c *Call) Open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(c.Stdin), nil
	}
	f, err := os.Open(c.Path(name))
	if err != nil {
		return nil, At(name, err)
	}
	return f, nil
}

// EachInput calls do for every named file in turn, or for the standard input if there is
// none. A file that fails is reported, and the next one is tried.
func (c *Call) EachInput(names []string, do func(name string, r io.Reader) error) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		r, err := c.Open(name)
		if err != nil {
			c.Warn(err)
			continue
		}
		err = do(name, r)
		r.Close()
		if _, done := err.(Exit); done {
			return err
		}
		if err != nil {
			c.Warn(At(name, err))
		}
	}
	return nil
}

// UserID is the number of a user, given by name or number.
func UserID(spec string) (int, error) {
	if u, err := user.Lookup(spec); err == nil {
		return strconv.Atoi(u.Uid)
	}
	if n, err := strconv.ParseUint(spec, 10, 32); err == nil {
		return int(n), nil
	}
	return 0, fmt.Errorf("invalid user: '%s'", spec)
}

// GroupID is the number of a group, given by name or number.
func GroupID(spec string) (int, error) {
	if g, err := user.LookupGroup(spec); err == nil {
		return strconv.Atoi(g.Gid)
	}
	if n, err := strconv.ParseUint(spec, 10, 32); err == nil {
		return int(n), nil
	}
	return 0, fmt.Errorf("invalid group: '%s'", spec)
}

// UserName is a user's name, or the number if it has none.
func UserName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// GroupName is a group's name, or the number if it has none.
func GroupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}
