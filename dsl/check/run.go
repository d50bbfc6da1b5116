package check

import (
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// run looks through what a RUN gives to the container's shell.
func (c *checker) run(in *syntax.Instruction) {
	value, err := instr.Parse(in.Text, c.file.Escape)
	cmd, ok := value.(*instructions.RunCommand)
	if err != nil || !ok || !cmd.PrependShell || len(cmd.CmdLine) == 0 || len(cmd.Files) > 0 {
		return
	}
	r := &runText{checker: c, in: in, text: cmd.CmdLine[0]}
	file, err := sh.NewParser(sh.Variant(sh.LangBash)).Parse(strings.NewReader(r.text), "")
	if err != nil {
		return // another shell may read it
	}
	r.set = setIn(file)
	r.lost(file)
	sh.Walk(file, func(n sh.Node) bool {
		switch n := n.(type) {
		case *sh.CallExpr:
			r.call(n)
		case *sh.ParamExp:
			r.parameter(n)
		case *sh.BinaryCmd:
			r.pipe(n)
		case *sh.FuncDecl:
			return false // its $1 is its own
		}
		return true
	})
}

// runText is the shell text of a RUN.
type runText struct {
	*checker
	in         *syntax.Instruction
	text       string
	set        map[string]bool // what the text sets itself; "1" for positional parameters, "." for all that a file may
	positional bool            // $1 and the like were told
}

// at gives the place in the source of something in the text; the whole instruction's where lines were joined.
func (r *runText) at(from, to int) (start, end int) {
	source := string(r.file.Source.Text[r.in.Span.Start.Offset:r.in.Span.End.Offset])
	if i := strings.Index(source, r.text); i >= 0 {
		return r.in.Span.Start.Offset + i + from, r.in.Span.Start.Offset + i + to
	}
	// Of several lines: the word itself, where it stands but once.
	if word := r.text[from:to]; strings.Count(source, word) == 1 {
		i := strings.Index(source, word)
		return r.in.Span.Start.Offset + i, r.in.Span.Start.Offset + i + len(word)
	}
	return r.in.Span.Start.Offset, r.in.Span.Start.Offset + len(r.in.Keyword)
}

func (r *runText) warnAt(n sh.Node, rule, detail, hint string) {
	start, end := r.at(int(n.Pos().Offset()), min(int(n.End().Offset()), len(r.text)))
	r.warn(rule, detail, hint, start, end)
}

// call warns of the script's words among the container's.
func (r *runText) call(n *sh.CallExpr) {
	if len(n.Args) == 0 {
		return
	}
	switch name := n.Args[0].Lit(); {
	case syntax.IsKeyword(name):
		r.warnAt(n.Args[0], RuleHostInRun, name+" on a RUN line is a command of the container's shell, which does not know it",
			"end the line before it, or put braces around the RUN: { RUN …; } | while read -r x; do "+name+" …; done")
	case r.functions[name]:
		r.warnAt(n.Args[0], RuleHostInRun, name+" is a function of the script, which the container's shell does not know",
			"end the line before it, or put braces around the RUN: { RUN …; } | "+name)
	}
}

// pipe warns of … | read x, whose variable the writer may want in the script.
func (r *runText) pipe(n *sh.BinaryCmd) {
	if n.Op != sh.Pipe {
		return
	}
	call, ok := n.Y.Cmd.(*sh.CallExpr)
	if !ok || len(call.Args) == 0 || call.Args[0].Lit() != "read" {
		return
	}
	name := call.Args[len(call.Args)-1].Lit()
	if sh.ValidName(name) && r.usedAfter(name) {
		r.warnAt(call.Args[0], RuleReadInRun, "read runs in the container: the script's "+name+" stays as it is",
			"put braces around the RUN: { RUN …; } | read -r "+name)
	}
}

// usedAfter says whether a variable is named in the source behind the instruction.
func (r *runText) usedAfter(name string) bool {
	rest := r.file.Source.Text[r.in.Span.End.Offset:]
	return regexp.MustCompile(`\$\{?` + regexp.QuoteMeta(name) + `\b`).Match(rest)
}

// parameter warns of variables that RUN will see empty.
func (r *runText) parameter(p *sh.ParamExp) {
	if p.Param == nil {
		return
	}
	name := p.Param.Value
	switch {
	case r.set[name]:
	case name == "@" || name == "*" || name == "#" || len(name) == 1 && name[0] >= '1' && name[0] <= '9':
		if !r.set["1"] && !r.positional {
			r.positional = true
			r.warnAt(p, RuleEmptyInRun, "$"+name+" is the container's: a RUN has no arguments",
				"give it a name: arg=$"+name+" on a line before, and $arg here")
		}
	case r.arrays[name]:
		r.warnAt(p, RuleEmptyInRun, name+" is an array, and RUN sees none",
			"join it on a line before, as in list=\"${"+name+"[*]}\", and use $list")
	case p.Exp == nil && !r.open && !r.set["."] && !r.assigned[name] && sh.ValidName(name) && strings.ToUpper(name) != name:
		var known []string
		for k := range r.assigned {
			known = append(known, k)
		}
		slices.Sort(known)
		if near := diag.Nearest(name, known); near != "" {
			r.warnAt(p, RuleEmptyInRun, "nothing sets "+name, "did you mean $"+near+"?")
		}
	}
}

// setIn are the names that shell text sets itself.
func setIn(file *sh.File) map[string]bool {
	set := map[string]bool{}
	sh.Walk(file, func(n sh.Node) bool {
		switch n := n.(type) {
		case *sh.Assign:
			if n.Name != nil {
				set[n.Name.Value] = true
			}
		case *sh.WordIter:
			set[n.Name.Value] = true
		case *sh.CallExpr:
			if len(n.Args) == 0 {
				break
			}
			switch n.Args[0].Lit() {
			case "set":
				set["1"] = true
			case ".", "source", "eval":
				set["."] = true // anything
			case "read", "getopts", "printf", "mapfile", "readarray":
				for _, w := range n.Args[1:] {
					set[w.Lit()] = true
				}
			}
		}
		return true
	})
	return set
}

// lost warns of a RUN that does nothing but change its own shell.
func (r *runText) lost(file *sh.File) {
	if len(file.Stmts) != 1 {
		return
	}
	switch cmd := file.Stmts[0].Cmd.(type) {
	case *sh.CallExpr:
		if len(cmd.Args) == 2 && cmd.Args[0].Lit() == "cd" {
			dir, _ := syntax.Literal(cmd.Args[1])
			r.warnAt(cmd, RuleLostInRun, "the folder is this RUN's alone", strings.TrimSpace("WORKDIR "+dir)+" keeps it, CWD keeps it out of the image")
		}
		if len(cmd.Args) == 0 && len(cmd.Assigns) > 0 {
			r.warnAt(cmd, RuleLostInRun, "the variable is this RUN's alone", "ENV keeps it; "+cmd.Assigns[0].Name.Value+"=$(RUN …) gives the script what RUN prints")
		}
	case *sh.DeclClause:
		if cmd.Variant.Value == "export" && len(cmd.Args) > 0 {
			r.warnAt(cmd, RuleLostInRun, "the variable is this RUN's alone", "ENV keeps it")
		}
	}
}
