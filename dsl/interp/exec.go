package interp

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// maxDepth is how deep functions and sourced files may call each other. The runner
// itself calls without end, until the process has no stack.
const maxDepth = 1000

type unhandledKey struct{}

// unhandled marks a context in which builtins are the runner's own.
func unhandled(ctx context.Context) context.Context {
	return context.WithValue(ctx, unhandledKey{}, true)
}

// onCall sends builtins to onExec, where they can be looked at.
func (x *shell) onCall(ctx context.Context, args []string) ([]string, error) {
	if ctx.Value(unhandledKey{}) != nil {
		return args, nil
	}
	if env := interp.HandlerCtx(ctx).Env; x.messages(env).expansion() {
		return nil, x.abort(x.shellError(env, "", errExpansion))
	}
	if args[0] == "." && len(args) > 1 && args[1] == sourcedFile {
		return args, nil // from source
	}
	if interp.IsBuiltin(args[0]) && !interp.HandlerCtx(ctx).Env.Get(varFunction+args[0]).IsSet() {
		return append([]string{cmdBuiltin}, args...), nil
	}
	return args, nil
}

// onExec runs what is neither a function nor a builtin of the runner.
func (x *shell) onExec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	if strings.HasPrefix(args[0], own) {
		return x.ownCommand(ctx, hc, args)
	}
	if !syntax.IsKeyword(args[0]) {
		return x.runProgram(ctx, hc, args)
	}
	if len(args) == 2 {
		if in := x.program.instruction(args[1]); in != nil {
			return x.written(ctx, hc, in)
		}
	}
	return x.reached(ctx, hc, args)
}

func (p *program) instruction(word string) *instruction {
	no, ok := strings.CutPrefix(word, instructionNo)
	if !ok {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i, err := strconv.Atoi(no)
	if err != nil || i < 0 || i >= len(p.instructions) {
		return nil
	}
	return p.instructions[i]
}

// ownCommand runs the commands that prepared text has.
func (x *shell) ownCommand(ctx context.Context, hc interp.HandlerContext, args []string) error {
	status := asStatus(hc.LastExitStatus)
	operand := ""
	if len(args) > 1 {
		operand = args[1]
	}
	switch args[0] {
	case cmdAt:
		if status == nil {
			x.jobs.remember(jobOf(hc.Env), nil)
		}
		x.messages(hc.Env).flush()
		return x.arrive(ctx, hc, operand)
	case cmdSame:
		if len(args) > 1 {
			n, _ := strconv.Atoi(operand)
			return asStatus(n)
		}
		return status
	case cmdEnter:
		if n := len(strings.Fields(hc.Env.Get(varStack).String())); n > maxDepth {
			return x.abort(x.shellError(hc.Env, "", fmt.Errorf("functions call each other more than %d deep", maxDepth)))
		}
		if x.program.forgives(at(hc.Env)) {
			if err := x.set(ctx, hc, varForgiven, "1"); err != nil {
				return err
			}
		}
		n, _ := strconv.Atoi(operand)
		return asStatus(n)
	case cmdBranch:
		return x.branch(ctx, hc, operand)
	case cmdFresh:
		return x.freshen(ctx, hc, args[1:])
	case cmdNeeds:
		if err := x.check(hc, x.program.need(operand)); err != nil {
			return err
		}
		return status
	case cmdTrapped:
		return x.trapped(ctx, hc)
	case cmdShift:
		if len(args) > 1 {
			return x.shift(ctx, hc, args[1:])
		}
	case cmdFork:
		return x.fork(ctx, hc)
	case cmdForked:
		return x.forked(ctx, hc, operand)
	case cmdEnd:
		return x.jobEnded(hc)
	case cmdLost:
		return x.substitutionFailed(hc)
	case cmdOperands:
		x.taken.put(hc.Env.Get(varTaken).String(), args[1:])
		return nil
	case cmdDocument:
		body, err := io.ReadAll(hc.Stdin)
		if err != nil {
			return fmt.Errorf("read a heredoc: %w", err)
		}
		x.taken.put(hc.Env.Get(varTaken).String(), []string{string(body)})
		return nil
	case cmdCopy:
		if hc.Stdin == nil {
			return nil
		}
		if _, err := io.Copy(plain(hc.Stdout), hc.Stdin); err != nil {
			return x.fail(hc.Env, x.shellError(hc.Env, "read a file", err))
		}
		return nil
	case cmdDeclare:
		return x.declare(ctx, hc, args[1:])
	case cmdBuiltin:
		if len(args) > 1 {
			return x.builtin(ctx, hc, args[1:])
		}
	}
	return x.runProgram(ctx, hc, args)
}

// arrive notes that the shell is at a mark.
func (x *shell) arrive(ctx context.Context, hc interp.HandlerContext, no string) error {
	text := varAt + "=" + no
	if _, err := strconv.Atoi(no); err != nil {
		return nil // not from prepared text
	}
	if hc.Env.Get(varTrapped).Str != "" {
		text += " " + varTrapped + "="
	}
	if err := x.assign(ctx, hc, text); err != nil {
		return err
	}
	if err := x.leftFunction(ctx, hc); err != nil {
		return err
	}
	if n := x.program.needsAt(no); n != nil {
		if err := n.met(hc.Env); err != nil {
			src, span := x.program.at(no)
			return x.abort(&diag.Error{Source: src, Span: span, Err: err, Hint: diag.HintOf(err), Trail: x.trail(hc.Env)})
		}
	}
	return asStatus(hc.LastExitStatus)
}

// asStatus is a status as a handler returns it.
func asStatus(n int) error {
	if n == 0 {
		return nil
	}
	return interp.ExitStatus(n)
}
