package interp

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/internal/pattern"
)

// What the runner's builtins lack, or do where the host can be seen.

// printfTo is printf -v NAME FORMAT WORD….
func (x *shell) printfTo(ctx context.Context, hc interp.HandlerContext, args []string) error {
	if err := printable(args[3:]); err != nil {
		return x.fail(hc.Env, x.shellError(hc.Env, "", err))
	}
	name := args[2]
	if !sh.ValidName(name) {
		err := fmt.Errorf("printf: %s: not a name", brief([]string{name}))
		return x.fail(hc.Env, x.shellError(hc.Env, "", err))
	}
	words, err := quoteAll(args[3:])
	if err != nil {
		return x.fail(hc.Env, x.shellError(hc.Env, "printf", err))
	}
	// The dot keeps newlines at the end, which $(…) drops.
	text := varText + `=$(\builtin printf ` + words + ` && \builtin echo .)`
	if err := hc.Builtin(unhandled(ctx), []string{"eval", text}); err != nil {
		return x.fail(hc.Env, x.statusError(hc, args, err))
	}
	return x.set(ctx, hc, name, strings.TrimSuffix(hc.Env.Get(varText).String(), "."))
}

// unset forgets the functions too that hide builtins.
func (x *shell) unset(ctx context.Context, hc interp.HandlerContext, args []string) error {
	if err := x.leaf(ctx, hc, args); err != nil {
		return err
	}
	for _, name := range args[1:] {
		if args[1] != "-v" && interp.IsBuiltin(name) && hc.Env.Get(varFunction+name).IsSet() {
			if err := x.assign(ctx, hc, `\builtin unset `+varFunction+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// alias prepares the text that an alias stands for.
func (x *shell) alias(ctx context.Context, hc interp.HandlerContext, args []string) error {
	args = slices.Clone(args)
	for i, a := range args[1:] {
		name, text, ok := strings.Cut(a, "=")
		if !ok {
			continue
		}
		prepared, err := x.program.snippet(": "+text, x.line(hc))
		if err != nil {
			return x.unprepared(hc, "alias", err)
		}
		args[i+1] = name + "=" + strings.TrimPrefix(prepared, ": ")
	}
	return x.leaf(ctx, hc, args)
}

// comparable changes both sides of a comparison alike where one begins with ~, which
// the runner would look up among the host's users.
func comparable(args []string) []string {
	args = slices.Clone(args)
	for i := 2; i+1 < len(args); i++ {
		a, b := &args[i-1], &args[i+1]
		switch args[i] {
		case "=", "==", "!=":
			if strings.HasPrefix(*a, "~") || strings.HasPrefix(*b, "~") {
				*a, *b = own+*a, own+*b
			}
		}
	}
	return args
}

var verb = pattern.Lazy(`%[-+ 0#]*[0-9]*(.)`)

// printable refuses what is no number where printf's format asks for one: the runner prints 0.
func printable(args []string) error {
	if len(args) < 2 {
		return nil
	}
	verbs := verb().FindAllStringSubmatch(strings.ReplaceAll(args[0], "%%", ""), -1)
	for i := range args[1:] {
		if len(verbs) == 0 {
			break
		}
		a := args[1+i]
		switch verbs[i%len(verbs)][1] {
		case "d", "i", "u", "x", "X", "o":
			if !isNumber().MatchString(a) && !strings.HasPrefix(a, "'") && !strings.HasPrefix(a, `"`) {
				return fmt.Errorf("printf: %q is not a whole number", a)
			}
		}
	}
	return nil
}

// numeric refuses what is no number beside -eq and the like: the runner takes it for 0.
func numeric(args []string) error {
	for i := 2; i+1 < len(args); i++ {
		switch args[i] {
		case "-eq", "-ne", "-lt", "-le", "-gt", "-ge":
			for _, side := range []string{args[i-1], args[i+1]} {
				if _, err := strconv.ParseInt(strings.TrimSpace(side), 10, 64); err != nil {
					return fmt.Errorf("%s: %q is not a whole number", args[0], side)
				}
			}
		}
	}
	return nil
}
