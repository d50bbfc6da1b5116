package shell

import (
	"fmt"
	"strings"
)

// invocation is what the command line of sh asks for.
type invocation struct {
	command     *string  // -c
	script      string   // the script's file; "" is the standard input
	name        string   // $0
	options     []string // as the set builtin takes them
	params      []string // $1 …
	interactive bool
}

// parseArgs reads "[-eux…] [-o option] [-c COMMAND [NAME [ARG…]] | -s [ARG…] | FILE [ARG…]]".
// -l (login) is taken and changes nothing, as there is no profile that a build should read.
func parseArgs(args []string) (*invocation, error) {
	inv := &invocation{name: "sh"}
	command, stdin := false, false
	for len(args) > 0 && len(args[0]) > 1 && strings.ContainsAny(args[0][:1], "-+") {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			break
		}
		if strings.HasPrefix(arg, "--") {
			return nil, fmt.Errorf("unknown option %s", arg)
		}
		for _, letter := range arg[1:] {
			switch letter {
			case 'c':
				command = true
			case 's':
				stdin = true
			case 'i':
				inv.interactive = true
			case 'l':
			case 'o':
				if len(args) == 0 {
					return nil, fmt.Errorf("%s needs the name of an option", arg)
				}
				inv.options = append(inv.options, arg[:1]+"o", args[0])
				args = args[1:]
			default:
				inv.options = append(inv.options, arg[:1]+string(letter))
			}
		}
	}
	switch {
	case command && len(args) == 0:
		return nil, fmt.Errorf("-c needs a command")
	case command:
		inv.command, args = &args[0], args[1:]
		if len(args) > 0 {
			inv.name, args = args[0], args[1:]
		}
	case !stdin && len(args) > 0:
		inv.script, inv.name, args = args[0], args[0], args[1:]
	}
	inv.params = args
	return inv, nil
}
