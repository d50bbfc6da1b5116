package files

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func install(c *applet.Call) error {
	o, err := c.Options("D d,directory p,preserve-timestamps v,verbose m,mode: o,owner: g,group: " +
		"t,target-directory: T,no-target-directory c")
	if err != nil {
		return err
	}
	mode := uint32(0o755)
	if m, err := modeOption(c, o, 0); err != nil {
		return err
	} else if m != nil {
		mode = *m
	}
	uid, gid := -1, -1
	if o.Has("o") {
		if uid, err = applet.UserID(o.Get("o")); err != nil {
			return err
		}
	}
	if o.Has("g") {
		if gid, err = applet.GroupID(o.Get("g")); err != nil {
			return err
		}
	}
	finish := func(name string) error {
		if err := os.Lchown(c.Path(name), uid, gid); err != nil {
			return applet.At(fmt.Sprintf("changing ownership of '%s'", name), err)
		}
		return applet.At(name, unix.Chmod(c.Path(name), mode))
	}
	if o.Has("d") {
		return installDirs(c, o.Args, finish)
	}
	if dir := o.Get("t"); o.Has("D") && dir != "" {
		err = os.MkdirAll(c.Path(dir), 0o755)
	} else if o.Has("D") && len(o.Args) == 2 {
		err = os.MkdirAll(c.Path(filepath.Dir(o.Args[1])), 0o755)
	}
	if err != nil {
		return applet.At("cannot create the target's folder", err)
	}
	return installFiles(c, o, finish)
}

func installDirs(c *applet.Call, names []string, finish func(string) error) error {
	for _, name := range names {
		if err := os.MkdirAll(c.Path(name), 0o755); err != nil {
			c.Warn(applet.At(fmt.Sprintf("cannot create directory '%s'", name), err))
		} else if err := finish(name); err != nil {
			c.Warn(err)
		}
	}
	return nil
}

func installFiles(c *applet.Call, o *applet.Options, finish func(string) error) error {
	sources, target, into, err := targets(c, o, false)
	if err != nil {
		return err
	}
	for _, src := range sources {
		dst := target
		if into {
			dst = join(target, base(src))
		}
		info, err := os.Stat(c.Path(src))
		if err != nil {
			c.Warn(applet.At(fmt.Sprintf("cannot stat '%s'", src), err))
			continue
		}
		// Always a fresh file: a running program may be what is replaced.
		if err := remove(c.Path(dst)); err != nil {
			c.Warn(applet.At(dst, err))
			continue
		}
		cp := copier{c: c, follow: followAll, verbose: o.Has("v")}
		if !cp.copy(src, dst, true) {
			continue
		}
		if err := finish(dst); err != nil {
			c.Warn(err)
		}
		if o.Has("p") {
			if err := os.Chtimes(c.Path(dst), info.ModTime(), info.ModTime()); err != nil {
				c.Warn(applet.At(dst, err))
			}
		}
	}
	return nil
}
