// Toybox is the userland of shbuild's builtin base image in one static binary: sh and the small
// programs that a Dockerfile calls, each by the name that the binary is called by.
//
//	toybox NAME [ARG…]    or a link NAME → toybox
//	toybox --list         the names, one a line
//
// It does what the programs' GNU namesakes do with the options that people write in
// Dockerfiles; an option that it does not have is an error, never ignored. (The programs of
// u-root that mvdan.cc/sh can bring are not used: chmod without -R or 4 digits, rm -f that
// hides every error, mkdir and gzip that fail with status 0, mv without -f, cp without -a.)
package main

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"syscall"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
	"github.com/shbuild/shbuild/cmd/toybox/internal/archive"
	"github.com/shbuild/shbuild/cmd/toybox/internal/files"
	"github.com/shbuild/shbuild/cmd/toybox/internal/shell"
	"github.com/shbuild/shbuild/cmd/toybox/internal/system"
	"github.com/shbuild/shbuild/cmd/toybox/internal/text"
)

func main() {
	name, args := path.Base(os.Args[0]), os.Args[1:]
	if name == "toybox" && len(args) > 0 {
		name, args = path.Base(args[0]), args[1:]
	}
	os.Exit(run(name, args))
}

func run(name string, args []string) int {
	umask := syscall.Umask(0)
	syscall.Umask(umask)
	applets := table()
	sh := &shell.Shell{Applets: applets, Environ: os.Environ(), Umask: umask}
	switch name {
	case "sh":
		return sh.Main(args)
	case shell.WithUmask:
		return shell.BecomeWithUmask(args, os.Environ())
	case "toybox", "--help":
		fmt.Println("usage: toybox NAME [ARG…], or toybox --list")
		return 0
	case "--list":
		for _, name := range slices.Sorted(maps.Keys(applets)) {
			fmt.Println(name)
		}
		return 0
	}
	a, known := applets[name]
	switch {
	case !known:
		fmt.Fprintf(os.Stderr, "toybox: %s: no such applet (toybox --list names them)\n", name)
		return applet.StatusNotFound
	case a.Run == nil:
		return sh.Builtin(name, args)
	}
	return applet.Run(a, &applet.Call{
		Name: name, Args: args, Umask: umask, Environ: os.Environ(),
		Stdin: os.Stdin, Stderr: os.Stderr,
	}, os.Stdout)
}

// table is every applet by its name. Those without a Run are done by the shell.
func table() map[string]applet.Applet {
	all := map[string]applet.Applet{
		"sh": {}, "test": {}, "[": {},
	}
	for _, part := range []map[string]applet.Applet{
		files.Applets(), text.Applets(), system.Applets(), archive.Applets(),
	} {
		maps.Copy(all, part)
	}
	return all
}
