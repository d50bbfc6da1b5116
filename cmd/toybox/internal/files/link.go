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

func ln(c *applet.Call) error {
	o, err := c.Options("s,symbolic f,force n,no-dereference r,relative T,no-target-directory t,target-directory: v,verbose")
	if err != nil {
		return err
	}
	if len(o.Args) == 1 && !o.Has("t") {
		o.Args = append(o.Args, ".")
	}
	names, target, into, err := targets(c, o, o.Has("n"))
	if err != nil {
		return err
	}
	for _, name := range names {
		link := target
		if into {
			link = join(target, base(name))
		}
		if err := lnOne(c, o, name, link); err != nil {
			c.Warn(applet.At(fmt.Sprintf("failed to create link '%s'", link), err))
		} else if o.Has("v") {
			fmt.Fprintf(c.Stdout, "'%s' -> '%s'\n", link, name)
		}
	}
	return nil
}

func lnOne(c *applet.Call, o *applet.Options, name, link string) error {
	to := c.Path(link)
	if o.Has("f") {
		old, err := os.Lstat(to)
		source, srcErr := os.Lstat(c.Path(name))
		if err == nil && srcErr == nil && !o.Has("s") && os.SameFile(old, source) {
			return nil
		}
		if err == nil && old.IsDir() {
			return syscall.EISDIR
		}
		if err := remove(to); err != nil {
			return err
		}
	}
	switch {
	case !o.Has("s"):
		return os.Link(c.Path(name), to)
	case o.Has("r"):
		dir, err := canonical(absolute(c, filepath.Dir(link)), mustExist)
		if err != nil {
			return err
		}
		file, err := canonical(absolute(c, name), mayMiss)
		if err != nil {
			return err
		}
		if name, err = filepath.Rel(dir, file); err != nil {
			return err
		}
	}
	return os.Symlink(name, to)
}

func readlink(c *applet.Call) error {
	o, err := c.Options("f,canonicalize e,canonicalize-existing m,canonicalize-missing n,no-newline z,zero q,quiet s,silent v,verbose")
	if err != nil {
		return err
	}
	need, follow := lastMayMiss, true
	switch {
	case o.Has("e"):
		need = mustExist
	case o.Has("m"):
		need = mayMiss
	default:
		follow = o.Has("f")
	}
	read := func(name string) (string, error) { return os.Readlink(c.Path(name)) }
	if follow {
		read = func(name string) (string, error) { return canonical(absolute(c, name), need) }
	}
	return printPaths(c, o, read, o.Has("v"))
}

func realpath(c *applet.Call) error {
	o, err := c.Options("e,canonicalize-existing m,canonicalize-missing s,no-symlinks z,zero q,quiet relative-to:")
	if err != nil {
		return err
	}
	need := lastMayMiss
	switch {
	case o.Has("e"):
		need = mustExist
	case o.Has("m"):
		need = mayMiss
	}
	return printPaths(c, o, func(name string) (string, error) {
		read := func(name string) (string, error) { return canonical(absolute(c, name), need) }
		if o.Has("s") {
			read = func(name string) (string, error) { return filepath.Clean(absolute(c, name)), nil }
		}
		path, err := read(name)
		if err != nil || !o.Has("relative-to") {
			return path, err
		}
		from, err := read(o.Get("relative-to"))
		if err != nil {
			return "", err
		}
		return filepath.Rel(from, path)
	}, !o.Has("q"))
}

func printPaths(c *applet.Call, o *applet.Options, read func(string) (string, error), loud bool) error {
	if len(o.Args) == 0 {
		return applet.Usagef("no file given")
	}
	end := "\n"
	switch {
	case o.Has("z"):
		end = "\x00"
	case o.Has("n") && len(o.Args) == 1:
		end = ""
	}
	for _, name := range o.Args {
		path, err := read(name)
		switch {
		case err != nil && loud:
			c.Warn(applet.At(name, err))
		case err != nil:
			c.Fail()
		default:
			fmt.Fprint(c.Stdout, path, end)
		}
	}
	return nil
}

// need says how much of a path has to be there.
type need int

const (
	lastMayMiss need = iota // all but the last element
	mustExist
	mayMiss
)

// canonical resolves every link of an absolute path.
func canonical(path string, need need) (string, error) {
	done := "/"
	rest := strings.Split(path, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			done = filepath.Dir(done)
			continue
		}
		next := filepath.Join(done, name)
		info, err := os.Lstat(next)
		last := strings.Trim(strings.Join(rest, ""), "/") == ""
		switch {
		case err != nil && (need == mayMiss || need == lastMayMiss && last && errors.Is(err, fs.ErrNotExist)):
			done = next
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink == 0:
			if !last && !info.IsDir() && need != mayMiss {
				return "", syscall.ENOTDIR
			}
			done = next
		default:
			if links++; links > 40 {
				return "", syscall.ELOOP
			}
			target, err := os.Readlink(next)
			if err != nil {
				return "", err
			}
			if filepath.IsAbs(target) {
				done = "/"
			}
			rest = append(strings.Split(target, "/"), rest...)
		}
	}
	return done, nil
}

// absolute is a name from the root on, not cleaned: a ".." is resolved after the links before it.
func absolute(c *applet.Call, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	dir, err := c.Getwd()
	if err != nil {
		return name
	}
	return dir + "/" + name
}
