package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func rm(c *applet.Call) error {
	o, err := c.Options("R,r,recursive f,force d,dir v,verbose")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 && !o.Has("f") {
		return applet.Usagef("no file given")
	}
	for _, name := range o.Args {
		if err := rmOne(c, name, o); err != nil {
			c.Warn(applet.At(fmt.Sprintf("cannot remove '%s'", name), err))
		}
	}
	return nil
}

func rmOne(c *applet.Call, name string, o *applet.Options) error {
	path := c.Path(name)
	switch last := base(name); {
	case last == "." || last == "..":
		return errors.New("refusing to remove '.' or '..'")
	case last == "/":
		return errors.New("refusing to remove the root folder")
	}
	info, err := os.Lstat(path)
	switch {
	case o.Has("f") && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)):
		return nil
	case err != nil:
		return err
	case !info.IsDir() || o.Has("d") && !o.Has("R"):
		err = os.Remove(path)
	case o.Has("R"):
		err = os.RemoveAll(path)
	default:
		return syscall.EISDIR
	}
	if err == nil && o.Has("v") {
		fmt.Fprintf(c.Stdout, "removed '%s'\n", name)
	}
	return below(path, err)
}

// below says which file of a tree an error is about, if it is not the tree itself.
func below(path string, err error) error {
	var where *os.PathError
	if errors.As(err, &where) {
		if rest, found := strings.CutPrefix(where.Path, path+"/"); found {
			return fmt.Errorf("%s: %w", rest, where.Err)
		}
		return where.Err
	}
	return err
}

func rmdir(c *applet.Call) error {
	o, err := c.Options("p,parents v,verbose ignore-fail-on-non-empty")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 {
		return applet.Usagef("no directory given")
	}
	for _, name := range o.Args {
		for dir := strings.TrimRight(name, "/"); dir != "" && dir != "." && dir != "/"; dir = filepath.Dir(dir) {
			err := syscall.Rmdir(c.Path(dir))
			if errors.Is(err, syscall.ENOTEMPTY) && o.Has("ignore-fail-on-non-empty") {
				break
			}
			if err != nil {
				c.Warn(applet.At(fmt.Sprintf("failed to remove '%s'", dir), err))
				break
			}
			if o.Has("v") {
				fmt.Fprintf(c.Stdout, "removed directory '%s'\n", dir)
			}
			if !o.Has("p") {
				break
			}
		}
	}
	return nil
}

func unlink(c *applet.Call) error {
	if len(c.Args) != 1 {
		return applet.Usagef("one file is needed")
	}
	return applet.At(c.Args[0], syscall.Unlink(c.Path(c.Args[0])))
}
