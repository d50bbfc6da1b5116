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

// misuse is a wrong use of an own word, and how it is used.
type misuse struct{ message, hint string }

func (m *misuse) Error() string { return m.message }
func (m *misuse) Hint() string  { return m.hint }

const (
	useExec   = "write the program and its words, as in: EXEC make install"
	useCwd    = "write one folder of the image, as in: CWD /src"
	useUserNS = "as in: USERNS 1000, which makes container root that user of the host: your own id or one of your subordinate ids; USERNS alone goes back to the default"
	useMem    = "as in: MEM 512m or MEM 2g; MEM alone: no limit"
	useCommit = "as in: COMMIT app:latest"
	usePush   = "as in: PUSH registry.example/app:1.0"
	useExport = "write what to copy out of the stage, and its name in the output folder, as in: EXPORT /bin/app app"
)

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
		return nil, &misuse{"EXEC requires a program", useExec}
	}
	return &Exec{Args: args}, nil
}

func parseCwd(args []string) (*Cwd, error) {
	if len(args) != 1 {
		return nil, &misuse{"CWD requires exactly one folder", useCwd}
	}
	return &Cwd{Dir: args[0]}, nil
}

func parseUserNS(args []string) (*UserNS, error) {
	switch len(args) {
	case 0:
		return &UserNS{}, nil
	case 1:
		if _, err := strconv.ParseUint(args[0], 10, 32); err != nil {
			return nil, &misuse{fmt.Sprintf("%q is not a user id: a number is needed", args[0]), useUserNS}
		}
		return &UserNS{UID: args[0]}, nil
	}
	return nil, &misuse{"USERNS takes one user id, or nothing for the default", useUserNS}
}

func parseMem(args []string) (*Mem, error) {
	switch len(args) {
	case 0:
		return &Mem{}, nil
	case 1:
		n, err := units.RAMInBytes(args[0])
		if err != nil || n <= 0 {
			return nil, &misuse{fmt.Sprintf("%q is not a size such as 512m or 2g", args[0]), useMem}
		}
		return &Mem{Bytes: n}, nil
	}
	return nil, &misuse{"MEM takes one size, or nothing for no limit", useMem}
}

func parseExport(args []string) (*Export, error) {
	if len(args) != 2 {
		return nil, &misuse{"EXPORT requires a source and a destination", useExport}
	}
	return &Export{Src: args[0], Dest: args[1]}, nil
}

func parseCommit(args []string) (*Commit, error) {
	if len(args) == 0 {
		return nil, &misuse{"COMMIT requires at least one image name", useCommit}
	}
	return &Commit{Names: args}, nil
}

func parsePush(args []string) (*Push, error) {
	if len(args) == 0 {
		return nil, &misuse{"PUSH requires at least one image name", usePush}
	}
	return &Push{Names: args}, nil
}
