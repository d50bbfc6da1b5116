package interp

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// builtin runs one of the shell's builtins. Those that change the flow of control, or
// that would look at the host, are looked at; the others fail with a position.
func (x *shell) builtin(ctx context.Context, hc interp.HandlerContext, args []string) error {
	switch args[0] {
	case ".", "source":
		return x.source(ctx, hc, args)
	case "eval":
		return x.eval(ctx, hc, args)
	case "exit":
		if err := x.set(ctx, hc, varExit, at(hc.Env)); err != nil {
			return err
		}
		return hc.Builtin(ctx, withStatus(hc, args))
	case "return":
		args = withStatus(hc, args)
		x.jobs.pass(jobOf(hc.Env), args[1], at(hc.Env))
		return hc.Builtin(ctx, args)
	case "break", "continue":
		return hc.Builtin(ctx, args)
	case "exec":
		return x.exec(ctx, hc, args)
	case "wait":
		return x.wait(ctx, hc, args)
	case "command":
		return x.command(ctx, hc, args)
	case "builtin":
		if len(args) > 1 && interp.IsBuiltin(args[1]) {
			return x.builtin(ctx, hc, args[1:])
		}
	case "type":
		return x.query(ctx, hc, args[:1], args[1:])
	case "trap":
		return x.trap(ctx, hc, args)
	case "alias":
		return x.alias(ctx, hc, args)
	case "set":
		return x.setOptions(ctx, hc, args)
	case "read":
		return x.read(ctx, hc, args)
	case "echo":
		return x.echo(hc, args)
	case "printf":
		if len(args) > 2 && args[1] == "-v" {
			return x.printfTo(ctx, hc, args)
		}
		if err := printable(args[1:]); err != nil {
			return x.fail(hc.Env, x.shellError(hc.Env, "", err))
		}
	case "unset":
		return x.unset(ctx, hc, args)
	case "[", "test":
		args = comparable(args)
		if err := numeric(args); err != nil {
			return x.fail(hc.Env, x.shellError(hc.Env, "", &programStatus{err, 2}))
		}
	case "mapfile", "readarray":
		if hc.Stdin == nil { // the runner does not look
			return x.fail(hc.Env, x.shellError(hc.Env, args[0], os.ErrClosed))
		}
	case "pwd":
		// -P would follow links outside of the context.
		args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-P" })
	}
	return x.leaf(ctx, hc, args)
}

// withStatus gives an exit or return without an operand the status that it stands for:
// that of the command before.
func withStatus(hc interp.HandlerContext, args []string) []string {
	if len(args) > 1 {
		return args
	}
	return []string{args[0], strconv.Itoa(hc.LastExitStatus)}
}

// leaf runs a builtin that has no effect on the flow of control but its status.
func (x *shell) leaf(ctx context.Context, hc interp.HandlerContext, args []string) (err error) {
	defer func() {
		// getopts does if its words change between two calls
		if r := recover(); r != nil {
			err = x.abort(x.shellError(hc.Env, brief(args), fmt.Errorf("the shell broke down: %v", r)))
		}
	}()
	err = hc.Builtin(ctx, args)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || statusOfBuiltin(err) == 0 {
		return err
	}
	failed := x.statusError(hc, args, err)
	if lack := lackOf(failed.Err.Error()); lack != nil {
		failed.Err, failed.Hint = lack, diag.HintOf(lack)
		return x.abort(failed)
	}
	if (args[0] == "[" || args[0] == "test") && failed.Hint == "" {
		failed.Hint = "the test failed, which ends the script: put it into an if, or say behind || what to do"
	}
	return x.fail(hc.Env, failed)
}

// statusError is the error of a builtin: its message, or its words and status.
func (x *shell) statusError(hc interp.HandlerContext, args []string, err error) *diag.Error {
	return x.shellError(hc.Env, brief(args), exitStatus(statusOfBuiltin(err)))
}

// brief is a command for a message.
func brief(args []string) string {
	text := strings.Join(args, " ")
	if r := []rune(text); len(r) > 60 {
		return string(r[:57]) + "…"
	}
	return text
}

// source runs a file of the context in the current shell. Its text is cut into
// instructions first, as the script's own.
func (x *shell) source(ctx context.Context, hc interp.HandlerContext, args []string) error {
	if len(args) < 2 {
		return x.fail(hc.Env, x.shellError(hc.Env, args[0], errNoFile))
	}
	text, err := x.readSource(hc, args[1])
	if err != nil {
		return err
	}
	here, stack := at(hc.Env), hc.Env.Get(varStack).String()
	if len(strings.Fields(stack)) > maxDepth {
		return x.abort(x.shellError(hc.Env, args[0], errTooDeep))
	}
	// The shell itself takes the assignment back, however the file ends.
	line, err := quoteAll(append([]string{here + " " + stack, ".", sourcedFile}, args[2:]...))
	if err != nil {
		return x.fail(hc.Env, x.shellError(hc.Env, args[0], err))
	}
	return hc.Builtin(context.WithValue(ctx, sourcedKey{}, &sourced{text: text}), []string{"eval", varStack + "=" + line})
}

// quoteAll gives words as shell text.
func quoteAll(words []string) (string, error) {
	quoted := make([]string, len(words))
	for i, w := range words {
		var err error
		if quoted[i], err = sh.Quote(w, sh.LangBash); err != nil {
			return "", err
		}
	}
	return strings.Join(quoted, " "), nil
}

type sourcedKey struct{}

// sourced is the text of the file that is just sourced. It can be read once.
type sourced struct {
	mu   sync.Mutex
	text string
}

func (s *sourced) take() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.text
	s.text = ""
	return text
}

// readSource reads and prepares a file for source. A file that is not there is a
// status; one that cannot be read as a script ends the build.
func (x *shell) readSource(hc interp.HandlerContext, name string) (string, error) {
	f, err := x.folders.open(hc.Dir, name, os.O_RDONLY, 0)
	if err != nil {
		return "", x.unreadable(hc, name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return "", x.unreadable(hc, name, err)
	}
	text, err := x.program.source(&diag.Source{Name: x.folders.shown(hc.Dir, name), Text: data})
	if err != nil {
		return "", x.abort(err)
	}
	return text, nil
}

// eval runs its operands as shell text. Instructions in them are reached by words, as
// LANGUAGE.md says; they are not cut out.
func (x *shell) eval(ctx context.Context, hc interp.HandlerContext, args []string) error {
	text, err := x.program.snippet(strings.Join(args[1:], " "), x.line(hc))
	if err != nil {
		return x.unprepared(hc, "eval", err)
	}
	depth, _ := ctx.Value(evalKey{}).(int)
	if depth > maxDepth {
		return x.abort(x.shellError(hc.Env, "", fmt.Errorf("evals call each other more than %d deep", maxDepth)))
	}
	return hc.Builtin(context.WithValue(ctx, evalKey{}, depth+1), []string{"eval", text})
}

// evalKey is how many evals a context is in.
type evalKey struct{}

// trap prepares the text that a trap will run.
func (x *shell) trap(ctx context.Context, hc interp.HandlerContext, args []string) error {
	args = slices.Clone(args)
	i := slices.IndexFunc(args[1:], func(a string) bool { return !strings.HasPrefix(a, "-") }) + 1
	if i > 0 && len(args) > i+1 {
		if err := x.prepareTrap(hc, args, i); err != nil {
			return err
		}
	}
	return x.leaf(ctx, hc, args)
}

// exec is the builtin of that name. An instruction that takes the shell's place is its
// last.
func (x *shell) exec(ctx context.Context, hc interp.HandlerContext, args []string) error {
	if len(args) < 2 || !syntax.IsKeyword(args[1]) {
		return hc.Builtin(ctx, args)
	}
	if err := x.onExec(ctx, args[1:]); err != nil {
		return err
	}
	return hc.Builtin(ctx, []string{"exit", "0"})
}

// command is the builtin of that name. Functions are passed over.
func (x *shell) command(ctx context.Context, hc interp.HandlerContext, args []string) error {
	rest, ask := args[1:], false
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		flag := rest[0]
		rest = rest[1:]
		if flag == "--" {
			break
		}
		ask = ask || strings.ContainsAny(flag, "vV")
	}
	switch {
	case ask:
		return x.query(ctx, hc, []string{"command", "-v"}, rest)
	case len(rest) == 0:
		return nil
	case interp.IsBuiltin(rest[0]):
		return x.builtin(ctx, hc, rest)
	}
	return x.onExec(ctx, rest)
}

// query answers what a word is, without looking for it on the host.
func (x *shell) query(ctx context.Context, hc interp.HandlerContext, command, words []string) error {
	missing := false
	for _, w := range words {
		switch {
		case command[0] == "type" && strings.HasPrefix(w, "-"):
			command = append(slices.Clone(command), w)
			continue
		case syntax.IsKeyword(w):
			io.WriteString(hc.Stdout, w+"\n")
			continue
		case x.allows(w):
			if path, err := exec.LookPath(w); err == nil {
				io.WriteString(hc.Stdout, path+"\n")
				continue
			}
		}
		if strings.Contains(w, "/") || x.ask(ctx, hc, command, w) != nil {
			missing = true
		}
	}
	if missing {
		return x.fail(hc.Env, x.shellError(hc.Env, brief(append(slices.Clone(command), words...)), errNotFound))
	}
	return nil
}

// ask lets the runner say whether a word is a function or a builtin of it. With such a
// PATH it finds no file.
func (x *shell) ask(ctx context.Context, hc interp.HandlerContext, command []string, w string) error {
	words, err := quoteAll(append(slices.Clone(command), w))
	if err != nil {
		return err
	}
	// No alias may stand in for the command.
	return hc.Builtin(unhandled(ctx), []string{"eval", `PATH=/dev/null \` + words + " && " + cmdSame})
}
