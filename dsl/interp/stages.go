package interp

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"
)

// record is a stage as a shell holds it. It is never changed.
type record struct {
	stage   Stage
	from    bool              // there was a FROM
	local   bool              // one of shadows is of a function's local variable
	shadows map[string]shadow // the variables that are set to the stage's values
}

// shadow is a variable of the stage that stands in the place of the script's own.
type shadow struct {
	value string          // the stage's value, as it was set
	aside expand.Variable // the script's own; unset if it has none
	depth int             // of the function to which the variable is local; 0: to none
}

// stages are all records of a run; a shell variable holds an index. It is safe for
// concurrent use.
type stages struct {
	mu      sync.Mutex
	records []*record
}

func (s *stages) add(r *record) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, r)
	return strconv.Itoa(len(s.records) - 1)
}

// current gives the record with an index; an empty one where there is none.
func (s *stages) current(index string) *record {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(s.records) {
		return &record{}
	}
	return s.records[i]
}

// refresh makes the stage's values win over what the script has assigned to the same
// names since they were set.
func (x *shell) refresh(ctx context.Context, hc interp.HandlerContext) (*record, error) {
	old := x.stages.current(hc.Env.Get(varStage).String())
	for name, s := range old.shadows {
		if now := hc.Env.Get(name); !isValue(now, s.value) {
			next := *old
			return x.enter(ctx, hc, old, &next)
		}
	}
	return old, nil
}

// enter sets the shell's variables for next and makes it the current record.
func (x *shell) enter(ctx context.Context, hc interp.HandlerContext, old, next *record) (*record, error) {
	var text strings.Builder
	next.shadows, next.local = map[string]shadow{}, false
	before := old.values()
	for name, value := range next.values() {
		now := hc.Env.Get(name)
		if next.from {
			next.shadows[name] = shadow{value: value, aside: aside(old, name, now), depth: depth(hc, now)}
			next.local = next.local || next.shadows[name].depth > 0
		} else if v, ok := before[name]; ok && v == value {
			continue // a global ARG is set once; then it is the script's
		}
		if isValue(now, value) {
			continue
		}
		if now.ReadOnly {
			return nil, fmt.Errorf("%s is a readonly variable of the script", name)
		}
		if err := assign(&text, name, now, value); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old.shadows)) {
		s := old.shadows[name]
		if _, ok := next.shadows[name]; ok || !isValue(hc.Env.Get(name), s.value) {
			continue
		}
		if err := restore(&text, name, s.aside); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(&text, "%s=%s\n", varStage, x.stages.add(next))
	return next, x.assign(ctx, hc, text.String())
}

// depth is how deep the function is to which now is local.
func depth(hc interp.HandlerContext, now expand.Variable) int {
	if !now.Local {
		return 0
	}
	return len(strings.Fields(hc.Env.Get(varStack).String()))
}

// leftFunction sets the stage's values again that were set to the local variables of a function which has ended.
func (x *shell) leftFunction(ctx context.Context, hc interp.HandlerContext) error {
	old := x.stages.current(hc.Env.Get(varStage).String())
	if !old.local {
		return nil
	}
	here := len(strings.Fields(hc.Env.Get(varStack).String()))
	for _, s := range old.shadows {
		if s.depth > here {
			next := *old
			_, err := x.enter(ctx, hc, old, &next)
			return err
		}
	}
	return nil
}

// values gives the stage's variables that can be the shell's.
func (r *record) values() map[string]string {
	values := map[string]string{}
	if r.stage != nil {
		for _, v := range r.stage.Variables() {
			if settable(v.Name) {
				values[v.Name] = v.Value
			}
		}
	}
	return values
}

// aside is the script's own value of name, of which now is the current one.
func aside(old *record, name string, now expand.Variable) expand.Variable {
	if s, ok := old.shadows[name]; ok && isValue(now, s.value) {
		return s.aside
	}
	return now
}

func isValue(v expand.Variable, value string) bool {
	return v.IsSet() && v.Kind == expand.String && v.Str == value
}

// settable says whether a stage's variable can be one of the shell's. PWD and OLDPWD
// are what the shell finds the script's own files by.
func settable(name string) bool {
	return sh.ValidName(name) && !strings.HasPrefix(name, varPrefix) && name != "PWD" && name != "OLDPWD"
}

func assign(text *strings.Builder, name string, now expand.Variable, value string) error {
	if now.IsSet() && now.Kind != expand.String {
		fmt.Fprintf(text, `\builtin unset %s`+"\n", name)
	}
	quoted, err := sh.Quote(value, sh.LangBash)
	if err != nil {
		return fmt.Errorf("the value of %s: %w", name, err)
	}
	fmt.Fprintf(text, "%s=%s\n", name, quoted)
	return nil
}

func restore(text *strings.Builder, name string, own expand.Variable) error {
	switch {
	case !own.IsSet():
		fmt.Fprintf(text, `\builtin unset %s`+"\n", name)
		return nil
	case own.Kind == expand.Indexed:
		words := make([]string, len(own.List))
		for i, v := range own.List {
			quoted, err := sh.Quote(v, sh.LangBash)
			if err != nil {
				return fmt.Errorf("the value of %s: %w", name, err)
			}
			words[i] = quoted
		}
		fmt.Fprintf(text, "%s=(%s)\n", name, strings.Join(words, " "))
		return nil
	}
	return assign(text, name, own, own.String())
}

// set gives a variable that the interpreter keeps in the shell its value.
func (x *shell) set(ctx context.Context, hc interp.HandlerContext, name, value string) error {
	quoted, err := sh.Quote(value, sh.LangBash)
	if err != nil {
		return x.abort(x.shellError(hc.Env, "", fmt.Errorf("the value of %s: %w", name, err)))
	}
	return x.assign(ctx, hc, name+"="+quoted)
}

// assign runs assignments in the shell that hc belongs to.
func (x *shell) assign(ctx context.Context, hc interp.HandlerContext, text string) error {
	err := hc.Builtin(unhandled(ctx), []string{"eval", text})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return x.abort(x.shellError(hc.Env, "", fmt.Errorf("set the script's variables: %w", err)))
}
