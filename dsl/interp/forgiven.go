package interp

import (
	"context"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"
)

// Where a shell forgives a failure, as in a condition or before ||, set -e counts for nothing (POSIX XCU 2.14 set).
// The runner knows that by itself, but for subshells, in which it takes effect again: they are found here, by their
// place in the text; and where a function was called from such a place, by a variable that is local to the call.

// forgiven are the statements of a text that stand where a failure is forgiven.
type forgiven map[*sh.Stmt]bool

func (f forgiven) mark(n sh.Node) {
	switch n := n.(type) {
	case *sh.IfClause:
		f.all(n.Cond...)
	case *sh.WhileClause:
		f.all(n.Cond...)
	case *sh.BinaryCmd:
		if n.Op == sh.AndStmt || n.Op == sh.OrStmt {
			f.all(n.X)
		}
	case *sh.Stmt:
		if n.Negated {
			f.all(n)
		}
	}
}

// all takes statements, and what stands in them; not the bodies of functions, which run where they are called.
func (f forgiven) all(list ...*sh.Stmt) {
	for _, st := range list {
		sh.Walk(st, func(n sh.Node) bool {
			st, ok := n.(*sh.Stmt)
			if ok && f[st] {
				return false // it was here before
			}
			if _, isFunction := n.(*sh.FuncDecl); isFunction {
				return false
			}
			if ok {
				f[st] = true
			}
			return true
		})
	}
}

// list says whether a subshell's statements are forgiven.
func (f forgiven) list(list []*sh.Stmt) bool { return len(list) > 0 && f[list[0]] }

const isForgiven = "forgiven"

// branch begins a subshell: it gets a number of its own, and no set -e where a failure is forgiven.
func (x *shell) branch(ctx context.Context, hc interp.HandlerContext, how string) error {
	status := asStatus(hc.LastExitStatus)
	if err := x.set(ctx, hc, varShell, strconv.FormatInt(x.branches.Add(1), 10)); err != nil {
		return err
	}
	if how != isForgiven && !x.forgives(hc) {
		return status
	}
	if err := x.assign(ctx, hc, varForgiven+"=1\nset +e"); err != nil {
		return err
	}
	return status
}

// forgives says whether the function that the shell is in was called where a failure is forgiven.
func (x *shell) forgives(hc interp.HandlerContext) bool { return hc.Env.Get(varForgiven).Str != "" }

// setOptions is the builtin set. In a subshell whose failure is forgiven, set -e changes nothing.
func (x *shell) setOptions(ctx context.Context, hc interp.HandlerContext, args []string) error {
	if len(args) == 1 {
		return x.abort(x.shellError(hc.Env, "", lacking("set without operands", "it would list the variables: name the one you want, as in echo \"$x\"")))
	}
	if x.forgives(hc) && hc.Env.Get(varShell).Str != "" {
		args = withoutErrexit(args)
	}
	return x.leaf(ctx, hc, args)
}

func withoutErrexit(args []string) []string {
	out := args[:1:1]
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--" || !strings.HasPrefix(a, "-"):
			return append(out, args[i:]...)
		case a == "-o" && i+1 < len(args):
			if i++; args[i] != "errexit" {
				out = append(out, a, args[i])
			}
			continue
		}
		if a = strings.ReplaceAll(a, "e", ""); a != "-" {
			out = append(out, a)
		}
	}
	if len(out) == 1 {
		return []string{"true"}
	}
	return out
}
