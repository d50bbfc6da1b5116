package instr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/go-units"
)

// ownWord makes the value of one of the builder's own words. ok is false when keyword
// is none of them.
func ownWord(keyword string, args []string) (value any, ok bool, err error) {
	for _, a := range args {
		if keyword == "EXEC" {
			break // its words are the program's
		}
		if strings.HasPrefix(a, "--") {
			return nil, true, fmt.Errorf("unknown flag: %s", a)
		}
		if a == "" {
			return nil, true, errors.New("an operand is empty")
		}
	}
	switch keyword {
	case "EXEC":
		value, err = parseExec(args)
	case "CWD":
		value, err = parseCwd(args)
	case "USERNS":
		value, err = parseUserNS(args)
	case "MEM":
		value, err = parseMem(args)
	case "COMMIT":
		value, err = &Commit{Names: args}, atLeastOneName(args)
	case "PUSH":
		value, err = &Push{Names: args}, atLeastOneName(args)
	case "EXPORT":
		value, err = parseExport(args)
	default:
		return nil, false, nil
	}
	if err != nil {
		return nil, true, err
	}
	return value, true, nil
}

func parseExec(args []string) (*Exec, error) {
	if len(args) == 0 || args[0] == "" {
		return nil, errors.New("EXEC requires a program")
	}
	return &Exec{Args: args}, nil
}

func parseCwd(args []string) (*Cwd, error) {
	if len(args) != 1 {
		return nil, errors.New("CWD requires exactly one folder")
	}
	return &Cwd{Dir: args[0]}, nil
}

func parseUserNS(args []string) (*UserNS, error) {
	switch len(args) {
	case 0:
		return &UserNS{}, nil
	case 1:
		if _, err := strconv.ParseUint(args[0], 10, 32); err != nil {
			return nil, fmt.Errorf("%q is not a user id: a number is needed", args[0])
		}
		return &UserNS{UID: args[0]}, nil
	}
	return nil, errors.New("USERNS takes one user id, or nothing for the default")
}

func parseMem(args []string) (*Mem, error) {
	switch len(args) {
	case 0:
		return &Mem{}, nil
	case 1:
		n, err := units.RAMInBytes(args[0])
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("%q is not a size such as 512m or 2g", args[0])
		}
		return &Mem{Bytes: n}, nil
	}
	return nil, errors.New("MEM takes one size, or nothing for no limit")
}

func parseExport(args []string) (*Export, error) {
	if len(args) != 2 {
		return nil, errors.New("EXPORT requires a source and a destination")
	}
	return &Export{Src: args[0], Dest: args[1]}, nil
}

func atLeastOneName(names []string) error {
	if len(names) == 0 {
		return errors.New("an image name is missing")
	}
	return nil
}
