package interp

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
	sh "mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/internal/pattern"
)

// mend rewrites what the runner takes for something else than bash does, where the text alone is enough.
func mend(n sh.Node) {
	switch n := n.(type) {
	case *sh.Redirect:
		if n.Op == sh.RdrClob { // there is no noclobber that >| would pass over
			n.Op = sh.RdrOut
		}
	case *sh.ParamExp:
		if n.Exp != nil && isPattern(n.Exp.Op) {
			literally(n.Exp.Word, globSpecial())
		}
		if n.Repl != nil {
			literally(n.Repl.Orig, globSpecial())
		}
	case *sh.BinaryTest:
		if w, ok := n.Y.(*sh.Word); ok && n.Op == sh.TsReMatch {
			literally(w, regexpSpecial())
		}
	}
}

var (
	globSpecial   = pattern.Lazy(`[*?\[\]\\!+@()|^-]`)
	regexpSpecial = pattern.Lazy(`[.*?+\[\]\\(){}|^$]`)
)

// literally gives the quoted text of a pattern without quotes, each special character escaped: the runner looks at
// the quotes no more once it expands the pattern.
func literally(w *sh.Word, special *regexp.Regexp) {
	if w == nil {
		return
	}
	for i, part := range w.Parts {
		text, ok := quotedText(part)
		if !ok || !special.MatchString(text) {
			continue
		}
		w.Parts[i] = &sh.Lit{ValuePos: part.Pos(), ValueEnd: part.End(), Value: escapedText(text, special)}
	}
}

// escapedText escapes what is special to the pattern, and what is to the shell.
func escapedText(text string, special *regexp.Regexp) string {
	var b strings.Builder
	for _, r := range text {
		if c := string(r); special.MatchString(c) || strings.ContainsAny(c, " \t\"'$`&;<>(){}|#~") {
			b.WriteString(`\`)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// quotedText is the text of a quoted part in which nothing is expanded.
func quotedText(part sh.WordPart) (string, bool) {
	switch p := part.(type) {
	case *sh.SglQuoted:
		return p.Value, !p.Dollar && !strings.Contains(p.Value, "\n")
	case *sh.DblQuoted:
		if len(p.Parts) == 1 {
			if l, ok := p.Parts[0].(*sh.Lit); ok {
				return l.Value, !strings.ContainsAny(l.Value, "\\\n")
			}
		}
	}
	return "", false
}

// numberLines puts the line for $LINENO: what is run is printed from what was read, and has other lines. lineno is
// that of all the text; without it each has its own.
func numberLines(node sh.Node, lineno string) {
	set := func(parts []sh.WordPart) {
		for i, part := range parts {
			p, ok := part.(*sh.ParamExp)
			if !ok || p.Param == nil || p.Param.Value != "LINENO" || p.Exp != nil || p.Repl != nil || p.Length {
				continue
			}
			line := lineno
			if line == "" {
				line = strconv.FormatUint(uint64(p.Pos().Line()), 10)
			}
			parts[i] = &sh.Lit{ValuePos: p.Pos(), ValueEnd: p.End(), Value: line}
		}
	}
	sh.Walk(node, func(n sh.Node) bool {
		switch n := n.(type) {
		case *sh.Word:
			set(n.Parts)
		case *sh.DblQuoted:
			set(n.Parts)
		}
		return true
	})
}

func isShift(st *sh.Stmt) bool {
	c, ok := st.Cmd.(*sh.CallExpr)
	return ok && len(c.Args) > 0 && c.Args[0].Lit() == "shift"
}

// countShift makes of shift N the command cmdShift "$#" N: only the text can tell how many there are.
func countShift(st *sh.Stmt) {
	c := st.Cmd.(*sh.CallExpr)
	count := &sh.Word{Parts: []sh.WordPart{&sh.DblQuoted{Parts: []sh.WordPart{param("#")}}}}
	c.Args = append([]*sh.Word{word(cmdShift), count}, c.Args[1:]...)
}

// shift is the builtin: to shift more than there are changes nothing, and fails.
func (x *shell) shift(ctx context.Context, hc interp.HandlerContext, args []string) error {
	n := 1
	if len(args) > 1 {
		var err error
		if n, err = strconv.Atoi(args[1]); err != nil || n < 0 || len(args) > 2 {
			return x.fail(hc.Env, x.shellError(hc.Env, "", fmt.Errorf("shift %s: a number is needed", brief(args[1:]))))
		}
	}
	if have, _ := strconv.Atoi(args[0]); n > have {
		return x.fail(hc.Env, x.shellError(hc.Env, "", fmt.Errorf("shift %d: there are %d arguments", n, have)))
	}
	return x.leaf(ctx, hc, []string{"shift", strconv.Itoa(n)})
}

// trapped says whether an ERR trap is to run: the runner calls it anew for each command around the one that failed.
func (x *shell) trapped(ctx context.Context, hc interp.HandlerContext) error {
	if hc.Env.Get(varTrapped).Str != "" {
		return interp.ExitStatus(1)
	}
	return x.set(ctx, hc, varTrapped, "1")
}

// trapText is the text of an ERR trap, which finds in $? why it is run.
func trapText(text string) string {
	return varStatus + "=$?\nif " + cmdTrapped + "; then\n" + cmdSame + " $" + varStatus + " && " + cmdSame + "\n" + text + "\nfi"
}
