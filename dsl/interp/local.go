package interp

import (
	"context"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"
)

// fresh follows local x, or declare x in a function, by a command that makes x unset: to the runner it has the value
// that the caller sees. A second local x in one function changes nothing.
func fresh(st *sh.Stmt) {
	clause, ok := st.Cmd.(*sh.DeclClause)
	if !ok {
		return
	}
	switch clause.Variant.Value {
	case "local", "declare", "typeset":
	default:
		return
	}
	command := call(cmdFresh, "")
	c := command.Cmd.(*sh.CallExpr)
	flags := ""
	for _, a := range clause.Args {
		switch {
		case a.Name == nil && a.Value != nil && isFlag(a.Value):
			flags += strings.TrimLeft(a.Value.Lit(), "-")
		case a.Name != nil && a.Naked:
			c.Args = append(c.Args, word(a.Name.Value))
		case a.Name != nil:
			c.Args = append(c.Args, word("="+a.Name.Value)) // it has a value, and is local all the same
		}
	}
	if len(c.Args) == 2 || strings.ContainsAny(flags, "gpfFn") {
		return
	}
	c.Args[1] = word("-" + flags)
	command.Position = st.Position
	st.Cmd = &sh.Block{Stmts: []*sh.Stmt{{Position: st.Position, Cmd: clause}, command}}
}

// freshen is the command that fresh adds; the status stays what it was.
func (x *shell) freshen(ctx context.Context, hc interp.HandlerContext, args []string) error {
	status := asStatus(hc.LastExitStatus)
	if len(args) < 2 || hc.Env.Get(varLocals).Kind != expand.String {
		return status // in no function
	}
	known := strings.Fields(hc.Env.Get(varLocals).Str)
	var text strings.Builder
	for _, name := range args[1:] {
		name, valued := strings.CutPrefix(name, "=")
		if !sh.ValidName(name) || slices.Contains(known, name) {
			continue
		}
		known = append(known, name)
		switch {
		case name == "OPTIND":
			text.WriteString("OPTIND=1\n")
		case valued || strings.Contains(args[0], "A"):
		case strings.Contains(args[0], "a"):
			text.WriteString(name + "=()\n")
		case strings.Contains(args[0], "r"):
		default:
			text.WriteString(`\builtin unset -v ` + name + "\n")
		}
	}
	if err := x.assign(ctx, hc, text.String()+varLocals+"='"+strings.Join(known, " ")+"'"); err != nil {
		return err
	}
	return status
}
