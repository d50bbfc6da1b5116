package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func mv(c *applet.Call) error {
	o, err := c.Options("f,force n,no-clobber T,no-target-directory t,target-directory: u,update v,verbose")
	if err != nil {
		return err
	}
	sources, target, into, err := targets(c, o, false)
	if err != nil {
		return err
	}
	for _, src := range sources {
		dst := target
		if into {
			dst = join(target, base(src))
		}
		moved, err := move(c, src, dst, o)
		if err != nil {
			c.Warn(err)
		} else if moved && o.Has("v") {
			fmt.Fprintf(c.Stdout, "renamed '%s' -> '%s'\n", src, dst)
		}
	}
	return nil
}

func move(c *applet.Call, src, dst string, o *applet.Options) (bool, error) {
	from, to := c.Path(src), c.Path(dst)
	info, err := os.Lstat(from)
	if err != nil {
		return false, applet.At(fmt.Sprintf("cannot stat '%s'", src), err)
	}
	if old, err := os.Lstat(to); err == nil {
		switch {
		case o.Has("n"), o.Has("u") && !info.ModTime().After(old.ModTime()):
			return false, nil
		case os.SameFile(info, old):
			return false, applet.At(dst, errSameFile)
		case old.IsDir() && !info.IsDir():
			return false, fmt.Errorf("cannot overwrite directory '%s' with non-directory", dst)
		case !old.IsDir() && info.IsDir():
			return false, fmt.Errorf("cannot overwrite non-directory '%s' with directory '%s'", dst, src)
		}
	}
	// Not os.Rename, which does not put a folder in the place of an empty one.
	err = syscall.Rename(from, to)
	if errors.Is(err, syscall.EXDEV) {
		return copyAway(c, src, dst, info)
	}
	return err == nil, applet.At(fmt.Sprintf("cannot move '%s' to '%s'", src, dst), err)
}

// copyAway moves what rename cannot: to another file system, or a folder of a lower layer on an
// overlay.
func copyAway(c *applet.Call, src, dst string, info fs.FileInfo) (bool, error) {
	to := c.Path(dst)
	if err := remove(to); err != nil {
		return false, applet.At(fmt.Sprintf("cannot move '%s' to '%s'", src, dst), err)
	}
	cp := copier{c: c, recursive: true, keep: true, keepAll: true}
	if !cp.copy(src, dst, true) {
		return false, nil // reported by the copier; the source stays
	}
	if !info.IsDir() {
		return true, applet.At(src, os.Remove(c.Path(src)))
	}
	return true, applet.At(src, os.RemoveAll(c.Path(src)))
}
