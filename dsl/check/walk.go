package check

import (
	"os/exec"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/syntax"
	"github.com/shbuild/shbuild/internal/pattern"
)

// walk goes through the shell text and the instructions in it.
func (c *checker) walk() {
	var path []sh.Node // from the file down to the node
	seen := map[*syntax.Instruction]bool{}
	sh.Walk(c.file.Shell, func(n sh.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		if call, ok := n.(*sh.CallExpr); ok && len(call.Args) > 0 {
			if in := c.file.At(call); in != nil {
				seen[in] = true
				c.placed(in, path)
			} else {
				c.command(call)
			}
		}
		path = append(path, n)
		return true
	})
	for _, in := range c.file.Instructions {
		c.instruction(in)
		if !seen[in] { // within another one's operands
			c.placed(in, nil)
		}
	}
}

// placed checks an instruction where it stands.
func (c *checker) placed(in *syntax.Instruction, path []sh.Node) {
	switch in.Keyword {
	case "RUN":
		c.run(in)
		if into := afterPipe(path); into != nil && !in.AfterPipe {
			c.warn(RuleEmptyInput, "this RUN's input is empty: the pipe ends at the "+into.kind+" around it", "put the RUN directly after the |", in.Span.Start.Offset, in.Span.Start.Offset+len(in.Keyword))
		}
	case "COMMIT", "PUSH":
		c.named(in, path)
	}
}

// named warns of one name for the images of all of a loop's passes.
func (c *checker) named(in *syntax.Instruction, path []sh.Node) {
	loop := slices.ContainsFunc(path, func(n sh.Node) bool {
		switch n.(type) {
		case *sh.ForClause, *sh.WhileClause:
			return true
		}
		return false
	})
	if !loop || len(in.Words) == 0 {
		return
	}
	for _, w := range in.Words {
		if _, ok := syntax.Literal(w); !ok {
			return
		}
	}
	name := firstLiteral(in.Words[0])
	c.warn(RuleCommitInLoop, "each pass of the loop gives the name "+name+" to another image",
		"put what changes into the name, as in "+in.Keyword+" "+strings.SplitN(name, ":", 2)[0]+":$x", in.Span.Start.Offset, in.Span.End.Offset)
}

type enclosing struct{ kind string }

// afterPipe finds the block around an instruction into which a pipe leads, if the instruction is the first in it.
func afterPipe(path []sh.Node) *enclosing {
	for i := len(path) - 1; i > 0; i-- {
		st, ok := path[i].(*sh.Stmt)
		if !ok {
			continue
		}
		var list []*sh.Stmt
		kind := ""
		switch parent := path[i-1].(type) {
		case *sh.Block:
			list, kind = parent.Stmts, "block"
		case *sh.Subshell:
			list, kind = parent.Stmts, "subshell"
		default:
			return nil
		}
		if len(list) == 0 || list[0] != st || i < 3 {
			return nil
		}
		outer, ok := path[i-2].(*sh.Stmt)
		if !ok {
			return nil
		}
		if pipe, ok := path[i-3].(*sh.BinaryCmd); ok && pipe.Y == outer && (pipe.Op == sh.Pipe || pipe.Op == sh.PipeAll) {
			return &enclosing{kind}
		}
		i--
	}
	return nil
}

var programName = pattern.Lazy(`^[a-z][a-z0-9._+-]*$`)

// command warns of a command that will not be found.
func (c *checker) command(call *sh.CallExpr) {
	name := call.Args[0].Lit()
	switch {
	case name == "" || c.open || c.functions[name] || interp.IsBuiltin(name) || syntax.IsKeyword(name) || !programName().MatchString(name),
		slices.Contains(c.options.AllowHost, "*") || slices.Contains(c.options.AllowHost, name):
		return
	}
	detail := name + " is neither an instruction nor a command of the shell"
	if _, err := exec.LookPath(name); err == nil {
		detail = name + " is a program of the host"
	}
	c.warn(RuleUnknownHost, detail, "put it behind RUN to run it in the container, or allow it by --allow-host="+name,
		int(call.Args[0].Pos().Offset()), int(call.Args[0].End().Offset()))
}
