package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// script explains a script. It is not run, so an instruction is explained where it stands: with what decides
// whether, and how often, it is reached.
func (x *explaining) script() {
	w := &walk{explaining: x, calls: x.functionCalls()}
	sh.Walk(x.file.Shell, w.node)
	slices.SortStableFunc(x.lines, func(a, b Line) int { return a.Line - b.Line })
	if len(x.lines) > 0 {
		x.lines[len(x.lines)-1].say("result", "the stage that the top-level shell has at the end, if it has one, and what was COMMITted")
	}
}

// walk goes through a script's syntax.
type walk struct {
	*explaining
	calls map[string][]int // function name → lines of its calls
	stack []sh.Node
}

func (w *walk) node(n sh.Node) bool {
	if n == nil {
		w.stack = w.stack[:len(w.stack)-1]
		return true
	}
	w.stack = append(w.stack, n)
	if call, ok := n.(*sh.CallExpr); ok && len(call.Args) > 0 {
		w.call(call)
	}
	return true
}

// call explains a command if it is an instruction, or may reach one.
func (w *walk) call(c *sh.CallExpr) {
	word := c.Args[0].Lit()
	if in := w.file.At(c); in != nil {
		w.written(in)
		return
	}
	at := int(c.Pos().Line())
	l := Line{File: w.file.Source.Name, Line: at, Keyword: word, Text: oneLine(w.text(c.Pos(), c.End())), Where: w.where(), Facts: []Fact{}}
	for i, arg := range c.Args[1:] {
		if key := arg.Lit(); syntax.IsKeyword(key) {
			l.Keyword = key
			l.say("note", "%s is handed to %s as words. Reached through \"$@\" or a variable, its arguments are the words that follow, expanded by the shell already: for RUN the exec form, as RUN %s", key, word, quoted(literals(c.Args[i+2:])))
			w.lines = append(w.lines, l)
			return
		}
	}
	switch {
	case word == "." || word == "source":
		l.say("note", "reads the file and carries out what is in it, instructions and functions: explain it by itself")
	case word == "eval":
		l.say("note", "instructions in it are carried out as words")
	default:
		return
	}
	w.lines = append(w.lines, l)
}

func literals(words []*sh.Word) []string {
	var out []string
	for _, w := range words {
		var b strings.Builder
		if err := sh.NewPrinter().Print(&b, w); err == nil {
			out = append(out, b.String())
		}
	}
	return out
}

// written explains an instruction that stands in the source.
func (w *walk) written(in *syntax.Instruction) {
	l := w.begin(in)
	l.Where = w.where()
	s := &stage{script: true}
	cmd, err := instr.Parse(in.Text, w.file.Escape)
	switch {
	case err != nil && in.Words == nil:
		w.fail(in, err)
		return
	case err != nil || strings.Contains(in.Text, "$(") && in.Words != nil:
		l.say("note", "its operands are known when the shell has expanded them")
		w.generic(l, in.Keyword)
	default:
		w.one(l, s, cmd)
	}
	if in.Probe {
		l.say("note", "its status is asked for: to fail is an answer, which leaves no layer, and which the cache keeps for later builds")
	}
	if in.AfterPipe {
		l.say("runs", "standard input: the pipe, whose content is part of the key")
	}
	w.lines = append(w.lines, *l)
}

// one explains an instruction that was read.
func (w *walk) one(l *Line, s *stage, cmd any) {
	switch c := cmd.(type) {
	case *instructions.Stage:
		title := "a new stage begins; the shell variable that holds it has the shell's scope"
		if c.Name != "" {
			title += ", and other FROMs and --from find it as " + c.Name
		}
		l.say("stage", "%s", title)
		switch {
		case w.named(c.BaseName):
			l.say("layer", "none: it goes on with what the stage %s has become", c.BaseName)
		case strings.Contains(c.BaseName, "$"):
			l.say("fetch", "%s, when the shell has expanded it: a stage, an image of the store, or one of a registry", c.BaseName)
		default:
			s.script = false // what it stands on is known
			w.base(l, s, c.BaseName, c.Platform)
		}
	case *instructions.ArgCommand:
		for _, a := range c.Args {
			l.say("config", "a history entry only; %s is a variable of the stage, of the whole script before the first FROM: %s", a.Key, orNone(w.options.BuildArgs[a.Key], orNone(a.ValueString(), "it has no value", a.ValueString()+", its default"), w.options.BuildArgs[a.Key]+", by --build-arg"))
		}
		l.say("key", "the RUNs that follow in this stage see it, so it is part of their keys")
	default:
		w.instruction(l, s, cmd)
	}
}

// named says whether the script has a FROM … AS of that name.
func (w *walk) named(name string) bool {
	for _, in := range w.file.Instructions {
		if cmd, err := instr.Parse(in.Text, w.file.Escape); err == nil {
			if c, ok := cmd.(*instructions.Stage); ok && c.Name != "" && strings.EqualFold(c.Name, name) {
				return true
			}
		}
	}
	return false
}

// generic is what can be said of an instruction by its word alone.
func (w *walk) generic(l *Line, keyword string) {
	switch keyword {
	case "COPY", "ADD", "WORKDIR":
		l.say("layer", "one, on top of the layers that the stage has by then")
	case "FROM":
		l.say("stage", "a new stage begins")
	case "COMMIT", "PUSH", "EXPORT":
		l.say("result", "the stage as it is then")
	default:
		l.say("config", "the stage's configuration changes")
		l.say("layer", "none")
	}
}

// where names what the node on top of the stack stands in, the outermost first.
func (w *walk) where() []string {
	var out []string
	say := func(n sh.Node, format string, args ...any) {
		out = append(out, fmt.Sprintf(format, args...)+fmt.Sprintf(" (line %d)", n.Pos().Line()))
	}
	for i, n := range w.stack[:len(w.stack)-1] {
		inner := w.stack[i+1]
		switch n := n.(type) {
		case *sh.FuncDecl:
			out = append(out, w.function(n))
		case *sh.IfClause:
			w.branch(n, inner, say)
		case *sh.WhileClause:
			word := "while"
			if n.Until {
				word = "until"
			}
			cond := w.text(n.WhilePos, n.DoPos)
			if holds(n.Cond, inner) {
				say(n, "the condition of %s, asked before every round", word)
			} else {
				say(n, "in every round of %s", oneLine(cond))
			}
		case *sh.ForClause:
			say(n, "once for each round of %s", oneLine(w.text(n.ForPos, n.DoPos)))
		case *sh.CaseItem:
			say(n, "only where case %s matches %s", w.subject(i), oneLine(w.text(n.Patterns[0].Pos(), n.Patterns[len(n.Patterns)-1].End())))
		case *sh.BinaryCmd:
			w.binary(n, inner, say)
		case *sh.Subshell:
			say(n, "in a subshell ( … ): a branch of the stage, not seen outside")
		case *sh.CmdSubst:
			say(n, "in $( … ): its output becomes a value; what it changes in the files is dropped")
		case *sh.Stmt:
			if n.Negated {
				say(n, "under !: to fail is to succeed")
			}
			if n.Background {
				say(n, "in the background (&), beside what follows, on a copy of the stage")
			}
		}
	}
	return out
}

type sayer = func(n sh.Node, format string, args ...any)

// branch tells which part of an if the inner node is in.
func (w *walk) branch(n *sh.IfClause, inner sh.Node, say sayer) {
	if !n.ThenPos.IsValid() {
		return // an else: the if that it belongs to has said that it does not hold
	}
	cond := oneLine(strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(w.text(n.Position, n.ThenPos), "el"), "if"), " "))
	switch {
	case holds(n.Cond, inner):
		say(n, "the condition of an if")
	case holds(n.Then, inner):
		say(n, "only if %s", cond)
	default:
		say(n, "only if not %s", cond)
	}
}

func (w *walk) binary(n *sh.BinaryCmd, inner sh.Node, say sayer) {
	left := oneLine(w.text(n.X.Pos(), n.OpPos))
	switch n.Op {
	case sh.AndStmt:
		if inner == n.Y {
			say(n, "only if %s succeeds", left)
		}
	case sh.OrStmt:
		if inner == n.Y {
			say(n, "only if %s fails", left)
		} else {
			say(n, "before ||: a failure is forgiven")
		}
	default:
		if inner == n.X {
			say(n, "in a pipe: its output is read behind the |; what it changes in the files is dropped")
		} else {
			say(n, "in a pipe: it reads what %s writes", left)
		}
	}
}

// subject is the word of the case that the item at a place of the stack belongs to.
func (w *walk) subject(item int) string {
	for _, n := range slices.Backward(w.stack[:item]) {
		if c, ok := n.(*sh.CaseClause); ok {
			return oneLine(w.text(c.Word.Pos(), c.Word.End()))
		}
	}
	return ""
}

func (w *walk) function(n *sh.FuncDecl) string {
	if n.Name == nil {
		return "in a function"
	}
	calls := w.calls[n.Name.Value]
	if len(calls) == 0 {
		return fmt.Sprintf("in the function %s, which nothing here calls by its name (line %d)", n.Name.Value, n.Pos().Line())
	}
	var lines []string
	for _, l := range calls {
		lines = append(lines, strconv.Itoa(l))
	}
	word := "line"
	if len(lines) > 1 {
		word = "lines"
	}
	return fmt.Sprintf("in the function %s, each time that it is called (%s %s)", n.Name.Value, word, strings.Join(lines, ", "))
}

// functionCalls finds where each function is called by its name.
func (x *explaining) functionCalls() map[string][]int {
	calls := map[string][]int{}
	sh.Walk(x.file.Shell, func(n sh.Node) bool {
		if c, ok := n.(*sh.CallExpr); ok && len(c.Args) > 0 {
			if name := c.Args[0].Lit(); name != "" {
				calls[name] = append(calls[name], int(c.Pos().Line()))
			}
		}
		return true
	})
	return calls
}

func holds(list []*sh.Stmt, n sh.Node) bool {
	return slices.ContainsFunc(list, func(s *sh.Stmt) bool { return sh.Node(s) == n })
}

// text is the source between two positions, without what separates them from what follows.
func (w *walk) text(from, to sh.Pos) string {
	start, end := int(from.Offset()), min(int(to.Offset()), len(w.file.Source.Text))
	if start > end {
		return ""
	}
	return strings.TrimRight(strings.TrimSpace(string(w.file.Source.Text[start:end])), "; \t\n")
}

// longest is how much of a condition or a command is shown.
const longest = 60

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return text
}
