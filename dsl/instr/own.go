package instr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/go-units"
)

// ownWords are the builder's own words, and how their operands are read.
var ownWords = map[string]func(args []string) (any, error){
	"EXEC":   func(args []string) (any, error) { return parseExec(args) },
	"CWD":    operands(parseCwd),
	"USERNS": operands(parseUserNS),
	"MEM":    operands(parseMem),
	"COMMIT": operands(parseCommit),
	"PUSH":   operands(parsePush),
	"EXPORT": operands(parseExport),
}

// operands refuses what none of the own words takes: flags and empty operands.
func operands[T any](parse func([]string) (T, error)) func([]string) (any, error) {
	return func(args []string) (any, error) {
		for _, a := range args {
			if strings.HasPrefix(a, "--") {
				return nil, fmt.Errorf("unknown flag: %s", a)
			}
			if a == "" {
				return nil, errors.New("an operand is empty")
			}
		}
		return parse(args)
	}
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

func parseCommit(args []string) (*Commit, error) {
	if len(args) == 0 {
		return nil, errors.New("COMMIT requires at least one image name")
	}
	return &Commit{Names: args}, nil
}

func parsePush(args []string) (*Push, error) {
	if len(args) == 0 {
		return nil, errors.New("PUSH requires at least one image name")
	}
	return &Push{Names: args}, nil
}
