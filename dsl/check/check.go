// Package check looks through a script before anything runs: what can be known to be wrong is refused, all of it at
// once, and what is likely to be meant otherwise is warned of.
//
// It runs and expands nothing, so it speaks only of what stands there in letters: an instruction whose operands are
// put together by the shell is checked when it is reached.
package check

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// Warning is something that a script may mean otherwise.
type Warning struct {
	Rule        string // "CommandOutsideOfContainer"
	Description string // of the rule
	Detail      string // what is the matter here
	Hint        string // what to do about it
	Source      *diag.Source
	Span        diag.Span
}

// The rules that warn, and what they say.
const (
	RuleHostInRun     = "InstructionInRun"
	RuleEmptyInRun    = "VariableEmptyInRun"
	RuleCommitInLoop  = "CommitInLoop"
	RuleEmptyInput    = "InputIsEmpty"
	RuleLostInRun     = "LostWithRun"
	RuleUnknownHost   = "UnknownCommand"
	RuleReadInRun     = "ReadInRun"
	RuleUnknownSource = "FromUnknownStage"
)

var descriptions = map[string]string{
	RuleHostInRun:     "The words of a RUN line are the container's: no instruction and no function of the script is there",
	RuleEmptyInRun:    "RUN sees those variables of the script that hold one value",
	RuleCommitInLoop:  "A name that each pass of a loop gives anew is in the end the last image's",
	RuleEmptyInput:    "Only a RUN that stands directly after a pipe reads from it",
	RuleLostInRun:     "What a RUN sets in its shell ends with it",
	RuleUnknownHost:   "A script runs no programs of the host",
	RuleReadInRun:     "What is read on a RUN line is read in the container",
	RuleUnknownSource: "COPY --from takes a name that no stage has for an image",
}

// Options say what a script may do.
type Options struct {
	AllowHost []string // host programs; ["*"]: any
}

// Script checks a script. Its errors are *diag.Error, several of them joined.
func Script(f *syntax.File, o Options) ([]Warning, error) {
	if f.Shell == nil {
		return nil, nil
	}
	c := &checker{file: f, options: o, functions: map[string]bool{}, assigned: map[string]bool{}, arrays: map[string]bool{}}
	c.survey()
	c.walk()
	slices.SortStableFunc(c.warnings, func(a, b Warning) int { return cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset) })
	return c.warnings, errors.Join(c.errs...)
}

type checker struct {
	file      *syntax.File
	options   Options
	functions map[string]bool
	assigned  map[string]bool // variables that the script, an ARG or an ENV sets somewhere
	arrays    map[string]bool // those that are arrays
	stages    []string        // names that FROM … AS gives in letters
	anyStage  bool            // a FROM's name is put together
	open      bool            // other text may define functions: a sourced file, eval, an alias

	warnings []Warning
	errs     []error
}

func (c *checker) warn(rule, detail, hint string, start, end int) {
	c.warnings = append(c.warnings, Warning{
		Rule: rule, Description: descriptions[rule], Detail: detail, Hint: hint,
		Source: c.file.Source, Span: c.file.Source.Span(start, end),
	})
}

func (c *checker) fail(in *syntax.Instruction, start, end int, err error, hint string) {
	if hint == "" {
		hint = diag.HintOf(err)
	}
	c.errs = append(c.errs, &diag.Error{Source: c.file.Source, Span: c.file.Source.Span(start, end), Op: in.Keyword, Err: err, Hint: hint})
}

// survey notes what the script defines, wherever that stands.
func (c *checker) survey() {
	sh.Walk(c.file.Shell, func(n sh.Node) bool {
		switch n := n.(type) {
		case *sh.FuncDecl:
			if n.Name != nil {
				c.functions[n.Name.Value] = true
			}
		case *sh.Assign:
			if n.Name != nil {
				c.assigned[n.Name.Value] = true
				if n.Array != nil {
					c.arrays[n.Name.Value] = true
				}
			}
		case *sh.WordIter:
			c.assigned[n.Name.Value] = true
		case *sh.CallExpr:
			c.surveyCall(n)
		}
		return true
	})
	for _, in := range c.file.Instructions {
		switch in.Keyword {
		case "FROM":
			c.surveyFrom(in)
		case "ARG", "ENV":
			for _, w := range in.Words {
				name, _, _ := strings.Cut(firstLiteral(w), "=")
				c.assigned[name] = true
			}
		}
	}
}

func (c *checker) surveyCall(n *sh.CallExpr) {
	if len(n.Args) == 0 {
		return
	}
	switch n.Args[0].Lit() {
	case ".", "source", "eval", "alias":
		c.open = true
	case "read", "mapfile", "readarray", "getopts", "printf", "let":
		array := n.Args[0].Lit() == "mapfile" || n.Args[0].Lit() == "readarray"
		for _, w := range n.Args[1:] {
			array = array || strings.HasPrefix(w.Lit(), "-") && strings.HasSuffix(w.Lit(), "a")
			if name := w.Lit(); sh.ValidName(name) {
				c.assigned[name] = true
				c.arrays[name] = c.arrays[name] || array
			}
		}
	}
}

func (c *checker) surveyFrom(in *syntax.Instruction) {
	if name, whole, has := in.StageName(); has {
		c.anyStage = c.anyStage || !whole
		c.stages = append(c.stages, name)
	}
}

// instruction checks one instruction by itself.
func (c *checker) instruction(in *syntax.Instruction) {
	if err := c.parse(in); err != nil {
		c.fail(in, in.Span.Start.Offset, in.Span.End.Offset, err, "")
		return
	}
	if in.Keyword == "COPY" {
		c.copyFrom(in)
	}
}

// parse reads an instruction as it will be when it is reached, as far as its words are known.
func (c *checker) parse(in *syntax.Instruction) error {
	if in.Words == nil {
		_, err := instr.Parse(in.Text, c.file.Escape)
		return err
	}
	var words []string
	whole := true
	for _, w := range in.Words {
		value, ok := syntax.Literal(w)
		if !ok {
			whole = false
			value = firstLiteral(w) + "x"
		}
		words = append(words, value)
	}
	var docs []instr.Heredoc
	for _, h := range in.Heredocs {
		docs = append(docs, instr.Heredoc{Name: h.Name, Data: h.Content})
	}
	_, err := instr.FromWords(in.Keyword, words, docs...)
	if err != nil && !whole && !strings.Contains(err.Error(), "flag") {
		return nil // the real words may be right
	}
	return err
}

// copyFrom checks COPY --from=NAME.
func (c *checker) copyFrom(in *syntax.Instruction) {
	for _, w := range in.Words {
		value, ok := syntax.Literal(w)
		name, isFrom := strings.CutPrefix(value, "--from=")
		if !ok || !isFrom || name == "" || strings.ContainsAny(name, "/:.@") || c.anyStage || c.open ||
			slices.ContainsFunc(c.stages, func(s string) bool { return strings.EqualFold(s, name) }) {
			continue
		}
		start, end := int(w.Pos().Offset()), int(w.End().Offset())
		if near := diag.Nearest(name, c.stages); near != "" {
			c.fail(in, start, end, errors.New("--from="+name+": no stage of that name is ever defined"), "did you mean "+near+"?")
		} else if len(c.stages) > 0 {
			c.warn(RuleUnknownSource, "no stage is named "+name+": it is taken for an image", "write it as an image's name, as in --from="+name+":latest", start, end)
		}
	}
}

// firstLiteral is what a word begins with, up to the first expansion.
func firstLiteral(w *sh.Word) string {
	text, _ := syntax.Literal(w)
	return text
}
