package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func touch(c *applet.Call) error {
	o, err := c.Options("a c,no-create d,date: h,no-dereference m r,reference: t:")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 {
		return applet.Usagef("no file given")
	}
	atime, mtime, err := touchTimes(c, o)
	if err != nil {
		return err
	}
	if o.Has("a") && !o.Has("m") {
		mtime = time.Time{}
	}
	if o.Has("m") && !o.Has("a") {
		atime = time.Time{}
	}
	for _, name := range o.Args {
		if err := touchOne(c, o, name, atime, mtime); err != nil {
			c.Warn(applet.At(fmt.Sprintf("cannot touch '%s'", name), err))
		}
	}
	return nil
}

func touchTimes(c *applet.Call, o *applet.Options) (atime, mtime time.Time, err error) {
	now := time.Now()
	switch {
	case o.Has("r"):
		info, err := os.Stat(c.Path(o.Get("r")))
		if err != nil {
			return now, now, applet.At(o.Get("r"), err)
		}
		return time.Unix(sysStat(info).Atim.Unix()), info.ModTime(), nil
	case o.Has("d"):
		now, err = applet.ParseTime(o.Get("d"), c.Location())
	case o.Has("t"):
		now, err = parseStamp(o.Get("t"), c.Location())
	}
	return now, now, err
}

// parseStamp reads [[CC]YY]MMDDhhmm[.ss].
func parseStamp(stamp string, zone *time.Location) (time.Time, error) {
	layout := map[int]string{8: "01021504", 10: "0601021504", 12: "200601021504"}
	digits, seconds, dotted := strings.Cut(stamp, ".")
	form := layout[len(digits)]
	if dotted {
		form, digits = form+".05", digits+"."+seconds
	}
	t, err := time.ParseInLocation(form, digits, zone)
	if err != nil || form == "" {
		return t, fmt.Errorf("invalid date format '%s'", stamp)
	}
	if t.Year() == 0 {
		t = t.AddDate(time.Now().Year(), 0, 0)
	}
	return t, nil
}

func touchOne(c *applet.Call, o *applet.Options, name string, atime, mtime time.Time) error {
	path := c.Path(name)
	if o.Has("h") {
		return lutimes(path, atime, mtime)
	}
	err := os.Chtimes(path, atime, mtime)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if o.Has("c") {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|unix.O_NOCTTY, 0o666)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Chtimes(path, atime, mtime))
}

func truncate(c *applet.Call) error {
	o, err := c.Options("c,no-create s,size:")
	if err != nil {
		return err
	}
	if !o.Has("s") || len(o.Args) == 0 {
		return applet.Usagef("a size and a file are needed")
	}
	text, grow := strings.CutPrefix(o.Get("s"), "+")
	text, shrink := strings.CutPrefix(text, "-")
	size, err := applet.ParseSize(text)
	if err != nil {
		return err
	}
	if shrink {
		size = -size
	}
	flags := os.O_WRONLY | os.O_CREATE
	if o.Has("c") {
		flags = os.O_WRONLY
	}
	for _, name := range o.Args {
		if err := truncateOne(c.Path(name), flags, size, grow || shrink); err != nil && !(o.Has("c") && errors.Is(err, fs.ErrNotExist)) {
			c.Warn(applet.At(name, err))
		}
	}
	return nil
}

func truncateOne(path string, flags int, size int64, relative bool) error {
	f, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if relative {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		size = max(0, size+info.Size())
	}
	return f.Truncate(size)
}
