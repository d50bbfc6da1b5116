package build

import (
	"context"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// bringAhead begins to fetch and unpack the bases that a script is going to name, while it runs. What fails is told
// where the script comes to it: the base is the same, and so is its error.
// The script's end ends it, by stop.
func (b *Builder) bringAhead(f *syntax.File) (stop context.CancelFunc) {
	if b.opts.Stepper != nil || b.opts.Cached {
		return func() {} // nothing is done there unasked, or at all
	}
	ctx, cancel := context.WithCancel(b.whole)
	for _, a := range literalBases(f) {
		if _, replaced := b.namedContext(a.stage.BaseName); replaced {
			continue
		}
		b.early.Go(func() {
			// The builtin userland is no work.
			if img, err := b.resolve(a.stage.BaseName, a.stage.Platform); err == nil && img.image != nil && b.lacks(img.unpacked()) {
				in := &input{place: place{source: f.Source, span: a.in.Span, keyword: a.in.Keyword, text: a.in.Text}, cmd: a.stage}
				_, _ = b.unpackNode(img, in, (&named{a.stage.Name}).title("FROM "+a.stage.BaseName)).solve(ctx)
			}
		})
	}
	return cancel
}

// ahead is a FROM that a script is going to come to.
type ahead struct {
	in    *syntax.Instruction
	stage *instructions.Stage
}

// literalBases finds the images that a script surely names: those that nothing is expanded in, outside of what depends
// on a condition. Functions count where they are called. What may be a stage's name is left out.
func literalBases(f *syntax.File) []ahead {
	w := &aheadWalk{file: f, functions: map[string]*sh.Stmt{}, seen: map[*syntax.Instruction]bool{}, stages: map[string]bool{scratchName: true}}
	for _, in := range f.Instructions {
		w.survey(in)
	}
	sh.Walk(f.Shell, func(n sh.Node) bool {
		if fn, ok := n.(*sh.FuncDecl); ok {
			w.functions[fn.Name.Value] = fn.Body
		}
		return true
	})
	sh.Walk(f.Shell, w.visit)
	return w.found
}

type aheadWalk struct {
	file      *syntax.File
	functions map[string]*sh.Stmt // those that were not come to yet
	stages    map[string]bool     // their names, in lower case
	anyStage  bool                // some of the names are not known
	seen      map[*syntax.Instruction]bool
	found     []ahead
}

// survey notes the name that a FROM gives.
func (w *aheadWalk) survey(in *syntax.Instruction) {
	if in.Keyword != "FROM" {
		return
	}
	if name, whole, has := in.StageName(); has {
		w.stages[strings.ToLower(name)] = true
		w.anyStage = w.anyStage || !whole
	}
}

func (w *aheadWalk) visit(n sh.Node) bool {
	switch n := n.(type) {
	case *sh.IfClause, *sh.CaseClause, *sh.WhileClause, *sh.FuncDecl:
		return false
	case *sh.BinaryCmd:
		if n.Op == sh.AndStmt || n.Op == sh.OrStmt {
			sh.Walk(n.X, w.visit)
			return false
		}
	case *sh.CallExpr:
		w.call(n)
	}
	return true
}

func (w *aheadWalk) call(n *sh.CallExpr) {
	if in := w.file.At(n); in != nil {
		if in.Keyword == "FROM" && !w.seen[in] {
			w.seen[in] = true
			w.from(in)
		}
		return
	}
	if len(n.Args) == 0 {
		return
	}
	name := n.Args[0].Lit()
	if body, ok := w.functions[name]; ok {
		delete(w.functions, name)
		sh.Walk(body, w.visit)
	}
}

func (w *aheadWalk) from(in *syntax.Instruction) {
	var words []string
	for _, word := range in.Words {
		text, whole := syntax.Literal(word)
		if !whole && !strings.EqualFold(last(words), "AS") {
			return
		}
		words = append(words, text)
	}
	cmd, err := instr.FromWords(in.Keyword, words)
	stage, ok := cmd.(*instructions.Stage)
	if err != nil || !ok || w.stages[strings.ToLower(stage.BaseName)] || w.anyStage && !strings.ContainsAny(stage.BaseName, "/:@") {
		return
	}
	w.found = append(w.found, ahead{in, stage})
}

func last(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}
