package system

import (
	"fmt"
	"path"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func basename(c *applet.Call) error {
	o, err := c.Options("+ a,multiple s,suffix: z,zero")
	if err != nil {
		return err
	}
	names, suffix := o.Args, o.Get("s")
	switch many := o.Has("a") || o.Has("s"); {
	case len(names) == 0:
		return applet.Usagef("no name given")
	case !many && len(names) > 2:
		return applet.Usagef("too many names")
	case !many && len(names) == 2:
		names, suffix = names[:1], names[1]
	}
	for _, name := range names {
		fmt.Fprint(c.Stdout, lastElement(name, suffix), ending(o))
	}
	return nil
}

func lastElement(name, suffix string) string {
	if name == "" {
		return ""
	}
	last := path.Base(name)
	if short := strings.TrimSuffix(last, suffix); short != "" {
		return short
	}
	return last
}

func dirname(c *applet.Call) error {
	o, err := c.Options("z,zero")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 {
		return applet.Usagef("no name given")
	}
	for _, name := range o.Args {
		fmt.Fprint(c.Stdout, folder(name), ending(o))
	}
	return nil
}

// folder is a name without its last element. Unlike path.Dir it cleans nothing.
func folder(name string) string {
	trimmed := strings.TrimRight(name, "/")
	slash := strings.LastIndexByte(trimmed, '/')
	switch {
	case trimmed == "" && name != "":
		return "/"
	case slash < 0:
		return "."
	}
	if dir := strings.TrimRight(trimmed[:slash], "/"); dir != "" {
		return dir
	}
	return "/"
}

// ending is what follows each word of the output.
func ending(o *applet.Options) string {
	if o.Has("z") {
		return "\x00"
	}
	return "\n"
}

func which(c *applet.Call) error {
	o, err := c.Options("a")
	if err != nil {
		return err
	}
	search := c.Getenv("PATH")
	if search == "" {
		search = applet.DefaultPath
	}
	for _, name := range o.Args {
		found := false
		for dir := range strings.SplitSeq(search, ":") {
			if strings.Contains(name, "/") {
				dir = search
			}
			file, err := applet.LookPath(c.Dir, dir, name)
			if err != nil {
				continue
			}
			found = true
			fmt.Fprintln(c.Stdout, file)
			if !o.Has("a") || strings.Contains(name, "/") {
				break
			}
		}
		if !found {
			c.Fail()
		}
	}
	return nil
}
