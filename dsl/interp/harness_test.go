package interp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// ledger is a Builder that keeps a stage's variables and notes what was done on it. Its
// RUN knows a few texts.
type ledger struct {
	mu    sync.Mutex
	calls []string // in the order in which they ended
	args  map[string]string
}

// page is a ledger's stage.
type page struct {
	from string
	vars map[string]string
	done []string
}

func (p *page) Variables() []Variable {
	var list []Variable
	for _, name := range slices.Sorted(maps.Keys(p.vars)) {
		list = append(list, Variable{name, p.vars[name]})
	}
	return list
}

type runFailed struct{ status int }

func (r *runFailed) Error() string   { return fmt.Sprintf("exit status %d", r.status) }
func (r *runFailed) ExitStatus() int { return r.status }

func (l *ledger) Do(ctx context.Context, stage Stage, c *Call) (Stage, error) {
	old, _ := stage.(*page)
	if old == nil {
		old = &page{}
	}
	next := &page{from: old.from, vars: maps.Clone(old.vars), done: slices.Clone(old.done)}
	if next.vars == nil {
		next.vars = map[string]string{}
	}
	note, err := l.act(ctx, next, c)
	next.done = append(next.done, note)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, note)
	if err != nil {
		return nil, err
	}
	return next, nil
}

func (l *ledger) act(ctx context.Context, p *page, c *Call) (string, error) {
	if p.from == "" && c.Keyword != "FROM" && c.Keyword != "ARG" {
		return c.Keyword, errors.New("no FROM before it")
	}
	switch v := c.Instr.(type) {
	case *instructions.Stage:
		p.from, p.vars, p.done = v.BaseName, map[string]string{"PATH": "/bin"}, nil
		return strings.TrimSpace("FROM " + v.BaseName + " " + v.Name), nil
	case *instructions.ArgCommand:
		for _, a := range v.Args {
			if val, ok := l.args[a.Key]; ok {
				p.vars[a.Key] = val
			} else if a.Value != nil {
				p.vars[a.Key] = *a.Value
			}
		}
		return "ARG " + v.Args[0].Key + "=" + p.vars[v.Args[0].Key], nil
	case *instructions.EnvCommand:
		note := "ENV"
		for _, kv := range v.Env {
			p.vars[kv.Key] = kv.Value
			note += fmt.Sprintf(" %s=%q", kv.Key, kv.Value)
		}
		return note, nil
	case *instructions.RunCommand:
		note := "RUN " + strings.Join(v.CmdLine, " ")
		if !v.PrependShell {
			note = fmt.Sprintf("RUN %q", v.CmdLine)
		}
		for _, f := range v.Files {
			note += " <" + f.Data + ">"
		}
		return note, run(ctx, c, v)
	case *instructions.CopyCommand:
		note := fmt.Sprintf("COPY %q %q", v.SourcePaths, v.DestPath)
		if v.Chown != "" {
			note += " chown=" + v.Chown
		}
		if v.From != "" {
			note += " from=" + v.From
		}
		for _, s := range v.SourceContents {
			note += fmt.Sprintf(" %s:%q", s.Path, s.Data)
		}
		return note, nil
	case *instructions.WorkdirCommand:
		return "WORKDIR " + v.Path, nil
	case *instr.Commit:
		return "COMMIT " + strings.Join(v.Names, " "), nil
	case *instr.Exec:
		return fmt.Sprintf("EXEC %q", v.Args), run(ctx, c, &instructions.RunCommand{ShellDependantCmdLine: instructions.ShellDependantCmdLine{CmdLine: v.Args}})
	}
	return fmt.Sprintf("%s %T", c.Keyword, c.Instr), nil
}

// run plays the program of a RUN: "fail N", "print WORDS", "env", "input", "hang".
func run(ctx context.Context, c *Call, v *instructions.RunCommand) error {
	out := c.Stdout
	if out == nil {
		out = io.Discard
	}
	words := strings.Fields(strings.Join(v.CmdLine, " "))
	if len(words) == 0 {
		return nil
	}
	switch words[0] {
	case "fail":
		n := 0
		fmt.Sscan(words[1], &n)
		return &runFailed{n}
	case "print":
		fmt.Fprintln(out, strings.Join(words[1:], " "))
	case "env":
		for _, kv := range c.Env {
			fmt.Fprintln(out, kv)
		}
	case "input":
		if c.Stdin == nil {
			fmt.Fprintln(out, "no input")
			return nil
		}
		data, err := io.ReadAll(c.Stdin)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "input %q\n", data)
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// outcome is all that can be seen of a script's run.
type outcome struct {
	stage          *page
	calls          []string
	stdout, stderr string
	err            error
}

// play runs a script in dir, or in an empty folder.
func play(t *testing.T, text string, o Options) outcome {
	t.Helper()
	return playContext(t, t.Context(), text, o)
}

func playContext(t *testing.T, ctx context.Context, text string, o Options) outcome {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	f, err := syntax.Read(&diag.Source{Name: "build.sh", Text: []byte(text)})
	if err != nil {
		return outcome{err: err}
	}
	if o.Builder == nil {
		o.Builder = &ledger{}
	}
	var stdout, stderr bytes.Buffer
	o.Stdout, o.Stderr = &stdout, &stderr
	stage, err := Run(ctx, f, o)
	got := outcome{stdout: stdout.String(), stderr: stderr.String(), err: err}
	got.stage, _ = stage.(*page)
	if l, ok := o.Builder.(*ledger); ok {
		got.calls = l.calls
	}
	return got
}

// write makes files under dir: name, text, name, text, ….
func write(t *testing.T, dir string, files ...string) string {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// printed is an error as a person sees it.
func printed(err error) string {
	var b strings.Builder
	diag.Print(&b, err, false)
	return b.String()
}
