// Package system holds the applets that ask about or act on the machine, processes, users and
// the environment rather than on files and text.
//
// They know no network, no terminal and no init system.
package system

import "github.com/shbuild/shbuild/cmd/toybox/internal/applet"

// Applets are the applets of this package by their names.
func Applets() map[string]applet.Applet {
	return map[string]applet.Applet{
		"addgroup": {Run: groupadd, Usage: "[-S] [-g GID] GROUP | USER GROUP"},
		"adduser":  {Run: adduser, Usage: "-D|-S [-H] [-h HOME] [-s SHELL] [-u UID] [-G GROUP] [-g COMMENT] USER | USER GROUP"},
		"arch":     {Run: arch},
		"basename": {Run: basename, Usage: "NAME [SUFFIX] | -a [-s SUFFIX] NAME…"},
		"chroot":   {Run: chroot, Usage: "DIR [COMMAND [ARG…]]", Trouble: 125, Alone: true},
		"date":     {Run: date, Usage: "[-uR] [-I[UNIT]] [-d TIME|-r FILE] [+FORMAT]"},
		"df":       {Run: df, Usage: "[-hkP] [FILE…]"},
		"dirname":  {Run: dirname, Usage: "NAME…"},
		"env":      {Run: env, Usage: "[-i0] [-u NAME] [-C DIR] [NAME=VALUE…] [COMMAND [ARG…]]", Trouble: 125, Alone: true},
		"expr":     {Run: expr, Usage: "EXPRESSION", Trouble: 2},
		"false":    {Run: func(*applet.Call) error { return applet.Exit(1) }},
		"groupadd": {Run: groupadd, Usage: "[-fr] [-g GID] [-P DIR] GROUP"},
		"groups":   {Run: groups, Usage: "[USER]"},
		"hostname": {Run: hostname, Usage: "[-s]"},
		"id":       {Run: id, Usage: "[-u|-g|-G] [-nr] [USER]"},
		"kill":     {Run: kill, Usage: "[-s SIGNAL|-SIGNAL] PID… | -l"},
		"nohup":    {Run: nohup, Usage: "COMMAND [ARG…]", Trouble: 125, Alone: true},
		"nproc":    {Run: nproc, Usage: "[--all] [--ignore=N]"},
		"printenv": {Run: printenv, Usage: "[-0] [NAME…]"},
		"ps":       {Run: ps, Usage: "[aux]"},
		"pwd":      {Run: pwd, Usage: "[-LP]"},
		"sleep":    {Run: sleep, Usage: "NUMBER[smhd]…"},
		"sync":     {Run: syncApplet},
		"timeout":  {Run: timeout, Usage: "[-s SIGNAL] [-k TIME] [--preserve-status] TIME COMMAND [ARG…]", Trouble: 125, Alone: true},
		"true":     {Run: func(*applet.Call) error { return nil }},
		"tty":      {Run: tty, Usage: "[-s]"},
		"uname":    {Run: uname, Usage: "[-asnrvmo]"},
		"useradd":  {Run: useradd, Usage: "[-mMNrU] [-c COMMENT] [-d HOME] [-g GROUP] [-G GROUPS] [-s SHELL] [-u UID] [-P DIR] USER"},
		"which":    {Run: which, Usage: "[-a] NAME…"},
		"whoami":   {Run: whoami},
		"xargs":    {Run: xargs, Usage: "[-0rtx] [-a FILE] [-d CHAR] [-I TEXT] [-n ARGS] [-L LINES] [-s BYTES] [-P PROCESSES] [COMMAND [ARG…]]"},
	}
}
