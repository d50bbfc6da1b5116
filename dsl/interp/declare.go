package interp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"
)

// plainDeclare gives, for export, declare, local and the like with operands that only
// running tells, as in export "$x",
//
//	export a=1 && cmdDeclare export "$x"
//
// The runner would expand the values once more: it drops backslashes, and looks up
// ~name among the host's users.
func plainDeclare(st *sh.Stmt) {
	clause, ok := st.Cmd.(*sh.DeclClause)
	if !ok {
		return
	}
	var flags, known []*sh.Assign
	command := call(cmdDeclare, clause.Variant.Value)
	c := command.Cmd.(*sh.CallExpr)
	dynamic := false
	for _, a := range clause.Args {
		switch {
		case a.Name != nil:
			known = append(known, a)
		case isFlag(a.Value):
			flags = append(flags, a)
			c.Args = append(c.Args, a.Value)
		default:
			dynamic = true
			c.Args = append(c.Args, a.Value)
		}
	}
	switch {
	case !dynamic:
	case len(known) == 0:
		st.Cmd = c
	default:
		static := &sh.Stmt{Position: st.Position, Cmd: &sh.DeclClause{Variant: clause.Variant, Args: append(flags, known...)}}
		command.Position = st.Position
		st.Cmd = &sh.Block{Stmts: []*sh.Stmt{static, command}}
	}
}

func isFlag(w *sh.Word) bool {
	lit := w.Lit()
	return strings.HasPrefix(lit, "-") || strings.HasPrefix(lit, "+")
}

// declare runs export, declare and the like with operands that are expanded already.
func (x *shell) declare(ctx context.Context, hc interp.HandlerContext, args []string) error {
	if len(args) == 0 || !slices.Contains(declares, args[0]) {
		return nil // not from prepared text
	}
	text := args[0]
	for _, field := range args[1:] {
		name, value, ok := strings.Cut(field, "=")
		word, err := sh.Quote(value, sh.LangBash)
		flag := strings.HasPrefix(field, "-") || strings.HasPrefix(field, "+")
		if !sh.ValidName(strings.TrimSuffix(name, "+")) && !flag || err != nil {
			err := fmt.Errorf("%s: %s: not a name", args[0], brief([]string{field}))
			return x.fail(hc.Env, x.shellError(hc.Env, "", err))
		}
		switch {
		case flag:
			word, err = sh.Quote(field, sh.LangBash)
			if err != nil {
				return x.fail(hc.Env, x.shellError(hc.Env, args[0], err))
			}
			text += " " + word
		case ok:
			text += " " + name + "=" + word
		default:
			text += " " + name
		}
	}
	if err := hc.Builtin(unhandled(ctx), []string{"eval", text}); err != nil {
		return x.fail(hc.Env, x.statusError(hc, args, err))
	}
	return nil
}

var declares = []string{"declare", "local", "export", "readonly", "typeset", "nameref"}
