package interp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/internal/pattern"
)

// ExitError is a script that ended itself by exit, with a status that is not 0.
type ExitError struct{ Status int }

func (e *ExitError) Error() string { return fmt.Sprintf("the script ended with status %d", e.Status) }

// ExitStatus gives the status, 1 to 255.
func (e *ExitError) ExitStatus() int { return e.Status }

// failure is an error that the shell sees as a status. It travels with the status
// through the shell, so that Run can return it if the script ends because of it.
type failure struct {
	err    error // has a position
	status interp.ExitStatus
	passed string // the mark of the return that passed it on; jobs.mu is held
}

func (f *failure) Error() string   { return f.err.Error() }
func (f *failure) Unwrap() []error { return []error{f.err, f.status} }

// errExpansion ends a script, as POSIX asks for (XCU 2.8.1).
var errExpansion = errors.New("an expansion has failed")

// refusal is an attempt to reach the host.
type refusal struct{ message, hint string }

func (r *refusal) Error() string { return r.message }
func (r *refusal) Hint() string  { return r.hint }

// fail makes err a status of the shell that env belongs to: its own ExitStatus, or 1.
func (x *shell) fail(env expand.Environ, err error) error {
	f := &failure{err: err, status: 1}
	var own interface{ ExitStatus() int }
	if errors.As(err, &own) {
		if n := own.ExitStatus(); n > 0 && n < 256 {
			f.status = interp.ExitStatus(n)
		}
	}
	x.jobs.remember(jobOf(env), f)
	return f
}

// shellError gives an error of shell text its position: where the shell is. A message
// that the shell has just printed says more than a status does.
func (x *shell) shellError(env expand.Environ, what string, err error) *diag.Error {
	if message := x.messages(env).message(); message != "" {
		err = &shellMessage{message, err}
	} else if what != "" {
		err = fmt.Errorf("%s: %w", what, err)
	}
	src, span := x.program.at(at(env))
	return &diag.Error{Source: src, Span: span, Err: err, Hint: diag.HintOf(err), Trail: x.trail(env)}
}

// shellMessage is what the shell printed about a status.
type shellMessage struct {
	text string
	err  error
}

func (m *shellMessage) Error() string { return m.text }
func (m *shellMessage) Unwrap() error { return m.err }

// ownPosition is a position in prepared text, which means nothing to the user.
var ownPosition = pattern.Lazy(`(?m)^\d+:\d+: `)

// tidy gives a line of the shell's as an error's message.
func tidy(line string) string { return ownPosition().ReplaceAllString(strings.TrimSpace(line), "") }

// trail is where the shell was called from.
func (x *shell) trail(env expand.Environ) []diag.Call {
	var calls []diag.Call
	for _, no := range strings.Fields(env.Get(varStack).String()) {
		if len(calls) == maxTrail {
			break
		}
		if src, span := x.program.at(no); src != nil && no != at(env) {
			calls = append(calls, diag.Call{Source: src, Span: span})
		}
	}
	return calls
}

// maxTrail is how many calls an error shows.
const maxTrail = 8

// at is the mark that the shell is at.
func at(env expand.Environ) string { return env.Get(varAt).String() }

// text gives the first line of the statement at a mark, for a message.
func (p *program) text(no string) string {
	src, span := p.at(no)
	if src == nil {
		return ""
	}
	line, _, _ := strings.Cut(string(src.Text[span.Start.Offset:span.End.Offset]), "\n")
	return brief([]string{line})
}

// at gives the place of a mark; no source if there is no such mark.
func (p *program) at(no string) (*diag.Source, diag.Span) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, err := strconv.Atoi(no)
	if err != nil || i < 0 || i >= len(p.marks) {
		return nil, diag.Span{}
	}
	m := p.marks[i]
	return m.source, m.source.Span(m.start, m.end)
}

// located gives an error in a node of a source its position.
func located(source *diag.Source, node sh.Node, err error) error {
	if source == nil {
		return err
	}
	return &diag.Error{
		Source: source,
		Span:   source.Span(int(node.Pos().Offset()), int(node.End().Offset())),
		Err:    err,
	}
}

// statusOf is the status that the shell gives err.
func statusOf(err error) interp.ExitStatus {
	var status interp.ExitStatus
	if errors.As(err, &status) {
		return status
	}
	return 1
}

var builtinStatus = pattern.Lazy(`^builtin exit status (\d+)$`)

// statusOfBuiltin is the status in an error of HandlerContext.Builtin, which has no
// other form than its text.
func statusOfBuiltin(err error) interp.ExitStatus {
	if m := builtinStatus().FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.ParseUint(m[1], 10, 8)
		return interp.ExitStatus(n)
	}
	return statusOf(err)
}
