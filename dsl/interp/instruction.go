package interp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/internal/pattern"
)

// written runs an instruction that stands in the source.
func (x *shell) written(ctx context.Context, hc interp.HandlerContext, in *instruction) error {
	call := &Call{
		Source:  in.file.Source,
		Span:    in.Span,
		Keyword: in.Keyword,
		Text:    in.Text,
		Probe:   in.Probe,
	}
	if in.AfterPipe && hc.Stdin != nil {
		call.Stdin = hc.Stdin
	}
	return x.do(ctx, hc, call, func() (any, error) {
		if in.operands != "" {
			return x.expandWords(ctx, hc, in)
		}
		v, err := instr.Parse(in.Text, in.file.Escape)
		if err != nil {
			return nil, err
		}
		return instr.Expand(v, shellVariables{hc.Env}, in.file.Escape)
	})
}

// reached runs an instruction whose words the shell has expanded already, as by "$@".
func (x *shell) reached(ctx context.Context, hc interp.HandlerContext, words []string) error {
	src, span := x.program.writtenAt(hc.Env, words[0])
	call := &Call{
		Source:  src,
		Span:    span,
		Keyword: words[0],
		Text:    strings.Join(words, " "),
	}
	return x.do(ctx, hc, call, func() (any, error) { return instr.FromWords(words[0], words[1:]) })
}

// writtenAt is where an instruction that was reached by its words was written: the
// innermost call with its keyword in it, else where the shell is.
func (p *program) writtenAt(env expand.Environ, keyword string) (*diag.Source, diag.Span) {
	here := at(env)
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(keyword) + `\b`)
	for _, no := range append([]string{here}, strings.Fields(env.Get(varStack).String())...) {
		if src, span := p.at(no); src != nil && word.Match(src.Text[span.Start.Offset:span.End.Offset]) {
			return src, span
		}
	}
	return p.at(here)
}

// do carries out one instruction: value gives its Instr, with the stage's variables in
// force.
func (x *shell) do(ctx context.Context, hc interp.HandlerContext, call *Call, value func() (any, error)) error {
	if !x.calls.enter() {
		return context.Cause(ctx)
	}
	defer x.calls.leave()
	old, err := x.refresh(ctx, hc)
	if err != nil {
		return x.instructionError(hc, call, err)
	}
	if call.Instr, err = value(); err != nil {
		return x.instructionError(hc, call, err)
	}
	call.Shell = hc.Env.Get(varShell).String()
	if ours(hc.Stdout) == nil {
		call.Stdout = hc.Stdout
	}
	if call.Keyword == "RUN" || call.Keyword == "EXEC" {
		call.Env = seen(hc.Env, call.Text)
	}
	stage, err := x.options.Builder.Do(ctx, old.stage, call)
	if err != nil {
		return x.instructionError(hc, call, err)
	}
	next := &record{stage: stage, from: old.from || call.Keyword == "FROM"}
	if _, err := x.enter(ctx, hc, old, next); err != nil {
		return x.instructionError(hc, call, err)
	}
	return nil
}

// instructionError gives an error its position, and the shell its status.
func (x *shell) instructionError(hc interp.HandlerContext, call *Call, err error) error {
	if fatal := x.aborted(); fatal != nil {
		return fatal
	}
	var positioned *diag.Error
	if !errors.As(err, &positioned) {
		err = &diag.Error{
			Source: call.Source,
			Span:   call.Span,
			Op:     call.Keyword,
			Err:    err,
			Hint:   diag.HintOf(err),
			Trail:  x.trail(hc.Env),
		}
	} else if positioned.Trail == nil && positioned.Source == call.Source {
		shown := *positioned // it may be another shell's too
		shown.Trail = x.trail(hc.Env)
		if err == error(positioned) {
			err = &shown
		}
	}
	return x.fail(hc.Env, err)
}

// expandWords lets the shell expand an instruction's operands and heredocs.
func (x *shell) expandWords(ctx context.Context, hc interp.HandlerContext, in *instruction) (any, error) {
	words, err := x.expand(ctx, hc, in.operands)
	if err != nil {
		return nil, err
	}
	var docs []instr.Heredoc
	for i, h := range in.Heredocs {
		doc := instr.Heredoc{Name: h.Name, Data: h.Content}
		if in.bodies[i] != "" {
			body, err := x.expand(ctx, hc, in.bodies[i])
			if err != nil {
				return nil, err
			}
			doc.Data = body[0]
		}
		docs = append(docs, doc)
	}
	return instr.FromWords(in.Keyword, words, docs...)
}

// expand runs text, which is cmdOperands or cmdDocument with what is to be expanded, in
// the shell that hc belongs to.
func (x *shell) expand(ctx context.Context, hc interp.HandlerContext, text string) ([]string, error) {
	no := x.taken.open()
	if err := x.set(ctx, hc, varTaken, no); err != nil {
		return nil, err
	}
	status := hc.Builtin(ctx, []string{"eval", text})
	words, lost, ok := x.taken.close(no)
	switch {
	case lost != nil:
		return nil, lost
	case ok:
		return words, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	messages := x.messages(hc.Env)
	if message := messages.message(); message != "" {
		messages.expansion() // it is told
		return nil, errors.New(message)
	}
	if status != nil {
		return nil, fmt.Errorf("expand the operands: exit status %d", statusOfBuiltin(status))
	}
	return nil, errors.New("expand the operands: the shell gave none")
}

// substitutionFailed notes a failure in a substitution, whose status no one asks for.
// In an instruction's operands it is the instruction's.
func (x *shell) substitutionFailed(hc interp.HandlerContext) error {
	err := x.lastFailure(hc)
	if !x.taken.fail(hc.Env.Get(varTaken).String(), err.err) {
		x.jobs.lost(err.err)
	}
	return err
}

// taken are the operands that shells have expanded, until they are asked for. It is
// safe for concurrent use.
type taken struct {
	mu      sync.Mutex
	count   int
	waiting map[string]*operands
}

type operands struct {
	words []string
	done  bool
	lost  error
}

func (t *taken) open() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == nil {
		t.waiting = map[string]*operands{}
	}
	t.count++
	no := strconv.Itoa(t.count)
	t.waiting[no] = &operands{}
	return no
}

func (t *taken) put(no string, words []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.waiting[no]; o != nil {
		o.words, o.done = slices.Clone(words), true
	}
}

// fail says whether there was an instruction to take the failure.
func (t *taken) fail(no string, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.waiting[no]
	if o != nil && o.lost == nil {
		o.lost = err
	}
	return o != nil
}

func (t *taken) close(no string) (words []string, lost error, done bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.waiting[no]
	delete(t.waiting, no)
	return o.words, o.lost, o.done
}

// shellVariables are a shell's variables for Dockerfile's own expansion.
type shellVariables struct{ env expand.Environ }

func (s shellVariables) Get(name string) (string, bool) {
	if v := s.env.Get(name); v.IsSet() && v.Kind == expand.String {
		return v.Str, true
	}
	return "", false
}

func (s shellVariables) Keys() []string {
	var names []string
	for name := range scalars(s.env) {
		names = append(names, name)
	}
	return names
}

// scalars gives the script's variables that hold one string. The shell's own are not
// among them, unless they are exported.
func scalars(env expand.Environ) map[string]expand.Variable {
	found := map[string]expand.Variable{}
	for name, v := range env.Each {
		delete(found, name) // a later one hides an earlier one
		if !v.IsSet() || v.Kind != expand.String || strings.HasPrefix(name, varPrefix) {
			continue
		}
		switch name {
		case "PWD", "OLDPWD":
			continue // folders of the host
		case "IFS", "OPTIND", "OPTARG":
			if !v.Exported {
				continue
			}
		}
		found[name] = v
	}
	return found
}

var named = pattern.Lazy(`\$\{?[#!]?([A-Za-z_][A-Za-z0-9_]*)`)

// seen gives the script variables that a RUN with this text sees: those that are
// exported, and those that the text names.
func seen(env expand.Environ, text string) []string {
	asked := map[string]bool{}
	for _, m := range named().FindAllStringSubmatch(text, -1) {
		asked[m[1]] = true
	}
	var list []string
	for name, v := range scalars(env) {
		if v.Exported || asked[name] {
			list = append(list, name+"="+v.Str)
		}
	}
	slices.Sort(list)
	return list
}
