package archive

import (
	"archive/tar"
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// unzip unpacks as tar -x does: a member of a zip is made one of a tar.
func unzip(c *applet.Call) error {
	o, err := c.Options("d: l n o p q")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 {
		return applet.Usagef("no archive given")
	}
	zr, err := zip.OpenReader(c.Path(o.Args[0]))
	if err != nil {
		return applet.At(o.Args[0], err)
	}
	defer zr.Close()
	dir := "."
	if o.Has("d") {
		dir = o.Get("d")
	}
	u := &unpacker{c: c, dir: c.Path(dir), keepOld: o.Has("n"), modes: false, folders: map[string]made{}}
	if !o.Has("l") && !o.Has("p") {
		if err := os.MkdirAll(u.dir, 0o777); err != nil {
			return applet.At(dir, err)
		}
		defer u.finish()
	}
	for _, f := range zr.File {
		if len(o.Args) > 1 && !matches(o.Args[1:], f.Name) {
			continue
		}
		if err := unzipOne(c, o, u, f); err != nil {
			c.Warn(applet.At(f.Name, err))
		}
	}
	return nil
}

func matches(globs []string, name string) bool {
	for _, glob := range globs {
		if newPattern(glob, false).match(name) {
			return true
		}
	}
	return false
}

func unzipOne(c *applet.Call, o *applet.Options, u *unpacker, f *zip.File) error {
	if o.Has("l") {
		fmt.Fprintf(c.Stdout, "%9d  %s   %s\n", f.UncompressedSize64, f.Modified.Format("2006-01-02 15:04"), f.Name)
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if o.Has("p") {
		_, err := io.Copy(c.Stdout, r)
		return err
	}
	h := &tar.Header{
		Name: f.Name, Mode: int64(f.Mode().Perm()), ModTime: f.Modified, Typeflag: tar.TypeReg,
		Size: int64(f.UncompressedSize64),
	}
	switch {
	case f.Mode().IsDir():
		h.Typeflag = tar.TypeDir
	case f.Mode()&fs.ModeSymlink != 0:
		target, err := io.ReadAll(io.LimitReader(r, 64<<10))
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, string(target)
	}
	if !o.Has("q") {
		fmt.Fprintf(c.Stdout, "  inflating: %s\n", strings.TrimPrefix(f.Name, "/"))
	}
	return u.member(r, h)
}
