// Package files holds the applets that make, move, change and list files.
package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// Applets are the applets of this package by their names.
func Applets() map[string]applet.Applet {
	return map[string]applet.Applet{
		"chgrp":    {Run: chgrp, Usage: "[-Rhvf] GROUP FILE…"},
		"chmod":    {Run: chmod, Usage: "[-Rvcf] MODE|--reference=FILE FILE…"},
		"chown":    {Run: chown, Usage: "[-Rhvf] [USER][:[GROUP]]|--reference=FILE FILE…"},
		"cp":       {Run: cp, Usage: "[-adfHLnPpRrTuv] [-t DIR] [--parents] SOURCE… TARGET"},
		"dd":       {Run: dd, Usage: "[if=FILE] [of=FILE] [bs=SIZE] [count=N] [skip=N] [seek=N] [conv=notrunc|fsync] [status=none]"},
		"du":       {Run: du, Usage: "[-ahksbc] [-d DEPTH] [FILE…]"},
		"find":     {Run: find, Usage: "[-HLP] [PATH…] [EXPRESSION]"},
		"install":  {Run: install, Usage: "[-Ddpv] [-m MODE] [-o USER] [-g GROUP] [-t DIR] SOURCE… TARGET"},
		"ln":       {Run: ln, Usage: "[-sfnrTv] [-t DIR] TARGET… LINK"},
		"ls":       {Run: ls, Usage: "[-1AaCdFhilnpRrSst] [--full-time] [FILE…]", Trouble: 2},
		"mkdir":    {Run: mkdir, Usage: "[-pv] [-m MODE] DIR…"},
		"mkfifo":   {Run: mkfifo, Usage: "[-m MODE] FILE…"},
		"mknod":    {Run: mknod, Usage: "[-m MODE] FILE b|c|p [MAJOR MINOR]"},
		"mktemp":   {Run: mktemp, Usage: "[-dqtu] [-p DIR] [--suffix=TEXT] [TEMPLATE]"},
		"mv":       {Run: mv, Usage: "[-fnTuv] [-t DIR] SOURCE… TARGET"},
		"readlink": {Run: readlink, Usage: "[-efmnz] FILE…"},
		"realpath": {Run: realpath, Usage: "[-emsz] [--relative-to=DIR] FILE…"},
		"rm":       {Run: rm, Usage: "[-Rrfdv] FILE…"},
		"rmdir":    {Run: rmdir, Usage: "[-pv] [--ignore-fail-on-non-empty] DIR…"},
		"stat":     {Run: stat, Usage: "[-L] [-c FORMAT|--printf=FORMAT] FILE…"},
		"touch":    {Run: touch, Usage: "[-achm] [-d TIME|-t STAMP|-r FILE] FILE…"},
		"truncate": {Run: truncate, Usage: "[-c] -s [+|-]SIZE FILE…"},
		"unlink":   {Run: unlink, Usage: "FILE"},
	}
}

// errNo is an applet's own sentence where errno's would mislead.
var (
	errOmitDir  = errors.New("-r not specified; omitting directory")
	errNotADir  = error(syscall.ENOTDIR)
	errSameFile = errors.New("source and target are the same file")
)

// sysStat is what the kernel says of a file beyond fs.FileInfo.
func sysStat(info fs.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }

// isDir follows links.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// base is the last element of a name, slashes at its end left out.
func base(name string) string {
	return filepath.Base(strings.TrimRight(name, "/"))
}

// walk calls visit for a file and, if it is a folder, for all that is below it, links not
// followed. name is the path as the user would write it. A folder's entries come after the
// folder itself, sorted.
func walk(c *applet.Call, name string, visit func(name string, info fs.FileInfo) error) {
	info, err := os.Lstat(c.Path(name))
	if err != nil {
		c.Warn(applet.At(name, err))
		return
	}
	if err := visit(name, info); err != nil {
		c.Warn(err)
	}
	if !info.IsDir() {
		return
	}
	entries, err := os.ReadDir(c.Path(name))
	if err != nil {
		c.Warn(applet.At(name, err))
	}
	for _, e := range entries {
		walk(c, strings.TrimSuffix(name, "/")+"/"+e.Name(), visit)
	}
}

// targets splits the operands of cp, mv, ln and install into sources and the one target. Into
// says that the target is a folder which takes the sources by their own names.
func targets(c *applet.Call, o *applet.Options, noDeref bool) (sources []string, target string, into bool, err error) {
	args := o.Args
	if o.Has("t") {
		if len(args) == 0 {
			return nil, "", false, applet.Usagef("no source given")
		}
		if !isDir(c.Path(o.Get("t"))) {
			return nil, "", false, applet.At("target '"+o.Get("t")+"'", errNotADir)
		}
		return args, o.Get("t"), true, nil
	}
	if len(args) < 2 {
		return nil, "", false, applet.Usagef("a source and a target are needed")
	}
	sources, target = args[:len(args)-1], args[len(args)-1]
	if !o.Has("T") {
		into = isDir(c.Path(target))
		if info, err := os.Lstat(c.Path(target)); noDeref && err == nil && info.Mode()&fs.ModeSymlink != 0 {
			into = false
		}
	}
	if len(sources) > 1 && !into {
		return nil, "", false, applet.At("target '"+target+"'", errNotADir)
	}
	if !into && !o.Has("T") && strings.HasSuffix(target, "/") && !isDir(c.Path(sources[0])) {
		return nil, "", false, applet.At("target '"+target+"'", errNotADir)
	}
	return sources, target, into, nil
}

// join is a name inside a folder.
func join(dir, name string) string { return strings.TrimRight(dir, "/") + "/" + name }
