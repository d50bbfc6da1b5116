package interp

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"
)

// prepareTrap prepares the text args[i] that a trap will run.
func (x *shell) prepareTrap(hc interp.HandlerContext, args []string, i int) error {
	for j, name := range args[i+1:] {
		if name == "0" {
			args[i+1+j] = "EXIT"
		}
	}
	if args[i] == "" || args[i] == "-" {
		return nil
	}
	text, err := x.program.snippet(args[i], x.line(hc))
	if err != nil {
		return x.unprepared(hc, "trap", err)
	}
	signals := args[i+1:]
	if slices.Contains(signals, "EXIT") {
		if err := x.onlyTop(hc, "trap EXIT", "set it at the top level: it would not run when the subshell ends"); err != nil {
			return err
		}
		if exits(args[i]) {
			return x.abort(x.shellError(hc.Env, "", lacking("exit with a status in a trap for EXIT", "the script has ended by then, with the status that $? gives")))
		}
	}
	if slices.Contains(signals, "ERR") {
		text = trapText(text)
	}
	args[i] = text
	return nil
}

// exits says whether text calls exit with a status.
func exits(text string) bool {
	file, err := sh.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return false
	}
	found := false
	sh.Walk(file, func(n sh.Node) bool {
		if c, ok := n.(*sh.CallExpr); ok && len(c.Args) > 1 && c.Args[0].Lit() == "exit" {
			found = true
		}
		return true
	})
	return found
}

// line is the line that the shell is at.
func (x *shell) line(hc interp.HandlerContext) string {
	_, span := x.program.at(at(hc.Env))
	return strconv.Itoa(span.Start.Line)
}

// unprepared is the error of text that the script has put together: what is not in this shell ends the script.
func (x *shell) unprepared(hc interp.HandlerContext, what string, err error) error {
	var r *refusal
	if errors.As(err, &r) {
		return x.abort(x.shellError(hc.Env, what, err))
	}
	return x.fail(hc.Env, x.shellError(hc.Env, what, err))
}

// exitStatus is a status as an error that says so, and that the build ends with.
func exitStatus(status interp.ExitStatus) error {
	return &programStatus{status, int(status)}
}
