package files

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func mktemp(c *applet.Call) error {
	o, err := c.Options("d,directory q,quiet t u,dry-run p,tmpdir: suffix:")
	if err != nil {
		return err
	}
	template := "tmp.XXXXXXXXXX"
	inTmp := len(o.Args) == 0 || o.Has("t") || o.Has("p")
	switch len(o.Args) {
	case 0:
	case 1:
		template = o.Args[0]
	default:
		return applet.Usagef("too many templates")
	}
	if inTmp {
		dir := c.Getenv("TMPDIR")
		if o.Get("p") != "" {
			dir = o.Get("p")
		}
		if dir == "" {
			dir = "/tmp"
		}
		template = join(dir, template)
	}
	name, err := makeTemp(c, template, o)
	if err != nil {
		if o.Has("q") {
			return applet.Exit(1)
		}
		return applet.At(fmt.Sprintf("failed to create '%s'", template), err)
	}
	fmt.Fprintln(c.Stdout, name)
	return nil
}

// makeTemp fills in the last run of three X or more of a template and makes the file.
func makeTemp(c *applet.Call, template string, o *applet.Options) (string, error) {
	end := strings.LastIndexByte(template, 'X') + 1
	start := len(strings.TrimRight(template[:end], "X"))
	suffix := template[end:] + o.Get("suffix")
	if end-start < 3 || strings.Contains(suffix, "/") {
		return "", errors.New("too few X's in the template")
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for {
		random := make([]byte, end-start)
		for i := range random {
			random[i] = letters[rand.IntN(len(letters))]
		}
		name := template[:start] + string(random) + suffix
		err := makeNew(c.Path(name), o)
		if !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
}

func makeNew(path string, o *applet.Options) error {
	switch {
	case o.Has("u"):
		if _, err := os.Lstat(path); err == nil {
			return fs.ErrExist
		}
		return nil
	case o.Has("d"):
		return os.Mkdir(path, 0o700)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}
