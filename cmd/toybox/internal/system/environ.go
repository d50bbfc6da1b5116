package system

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func env(c *applet.Call) error {
	// A lone "-" is -i.
	if len(c.Args) > 0 && c.Args[0] == "-" {
		c.Args[0] = "-i"
	}
	o, err := c.Options("+ i,ignore-environment u,unset: 0,null C,chdir: S,split-string:")
	if err != nil {
		return err
	}
	environ, args := c.Environ, o.Args
	if o.Has("S") {
		// As "#!/usr/bin/env -S program option" has it; quotes and escapes are not known.
		if strings.ContainsAny(o.Get("S"), `'"\$`) {
			return applet.Usagef("-S takes plain words only")
		}
		args = append(strings.Fields(o.Get("S")), args...)
	}
	if o.Has("i") {
		environ = nil
	}
	for _, name := range o.All("u") {
		environ = without(environ, name)
	}
	for len(args) > 0 && strings.Contains(args[0], "=") {
		name, _, _ := strings.Cut(args[0], "=")
		environ = append(without(environ, name), args[0])
		args = args[1:]
	}
	if len(args) == 0 {
		end := "\n"
		if o.Has("0") {
			end = "\x00"
		}
		for _, kv := range environ {
			fmt.Fprint(c.Stdout, kv, end)
		}
		return nil
	}
	if o.Has("C") {
		if err := os.Chdir(c.Path(o.Get("C"))); err != nil {
			return applet.At(o.Get("C"), err)
		}
	}
	return become(c, args, environ)
}

// become ends an applet by becoming another program.
func become(c *applet.Call, argv, environ []string) error {
	status, err := c.Become(argv, environ)
	c.Warn(err)
	return applet.Exit(status)
}

// without is an environment that lacks a variable.
func without(environ []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		return strings.HasPrefix(kv, name+"=")
	})
}

func printenv(c *applet.Call) error {
	o, err := c.Options("+ 0,null")
	if err != nil {
		return err
	}
	end := "\n"
	if o.Has("0") {
		end = "\x00"
	}
	for _, kv := range c.Environ {
		if len(o.Args) == 0 {
			fmt.Fprint(c.Stdout, kv, end)
		}
	}
	for _, name := range o.Args {
		if !slices.ContainsFunc(c.Environ, func(kv string) bool { return strings.HasPrefix(kv, name+"=") }) {
			c.Fail()
			continue
		}
		fmt.Fprint(c.Stdout, c.Getenv(name), end)
	}
	return nil
}
