package interp

import (
	"strings"
	"unicode/utf8"

	sh "mvdan.cc/sh/v3/syntax"
)

// The runner leaves backslashes where a word is not split into fields: in x=a\ b, in
// >a\ b, in ${x:-a\ b}, in case a\ b. escapes finds those words and puts what is escaped
// into quotes. The parts of "…" that quoted holds were met on the way.
func escapes(n sh.Node, quoted map[*sh.ParamExp]bool) {
	switch n := n.(type) {
	case *sh.Word:
		n.Parts = dollars(n.Parts, false)
	case *sh.DblQuoted:
		n.Parts = dollars(n.Parts, true)
		for _, part := range n.Parts {
			if p, ok := part.(*sh.ParamExp); ok {
				quoted[p] = true
			}
		}
	case *sh.Assign:
		unescape(n.Value, false)
	case *sh.Redirect:
		if n.Op != sh.Hdoc && n.Op != sh.DashHdoc {
			unescape(n.Word, false)
		}
	case *sh.CaseClause:
		unescape(n.Word, false)
	case *sh.UnaryTest:
		if w, ok := n.X.(*sh.Word); ok {
			unescape(w, false)
		}
	case *sh.BinaryTest:
		if w, ok := n.X.(*sh.Word); ok {
			unescape(w, false)
		}
		switch n.Op { // elsewhere the right side is a pattern, in which a backslash has its meaning
		case sh.TsReMatch, sh.TsMatch, sh.TsMatchShort, sh.TsNoMatch:
		default:
			if w, ok := n.Y.(*sh.Word); ok {
				unescape(w, false)
			}
		}
	case *sh.ParamExp:
		if n.Exp != nil && !isPattern(n.Exp.Op) {
			unescape(n.Exp.Word, quoted[n])
		}
		if n.Repl != nil {
			unescape(n.Repl.With, quoted[n])
		}
	}
}

// dollars escapes a $ right before `…`: the printer writes $(…) for that, and $$ is
// something else.
func dollars(parts []sh.WordPart, inQuotes bool) []sh.WordPart {
	var out []sh.WordPart
	for i, part := range parts {
		out = append(out, part)
		l, ok := part.(*sh.Lit)
		if !ok || i+1 == len(parts) || !strings.HasSuffix(l.Value, "$") || strings.HasSuffix(l.Value, `\$`) {
			continue
		}
		if s, ok := parts[i+1].(*sh.CmdSubst); !ok || !s.Backquotes {
			continue
		}
		dollar := sh.WordPart(lit(`\$`))
		if !inQuotes {
			dollar = &sh.DblQuoted{Left: l.ValuePos, Right: l.ValueEnd, Parts: []sh.WordPart{dollar}}
		}
		before := &sh.Lit{ValuePos: l.ValuePos, ValueEnd: l.ValueEnd, Value: strings.TrimSuffix(l.Value, "$")}
		out = append(out[:len(out)-1], before, dollar)
	}
	return out
}

// isPattern says which ${x…} have a pattern for a word.
func isPattern(op sh.ParExpOperator) bool {
	switch op {
	case sh.AlternateUnset, sh.AlternateUnsetOrNull, sh.DefaultUnset, sh.DefaultUnsetOrNull,
		sh.ErrorUnset, sh.ErrorUnsetOrNull, sh.AssignUnset, sh.AssignUnsetOrNull:
		return false
	}
	return true
}

// unescape puts the escaped characters of a word into double quotes. Within double
// quotes only some characters can be escaped.
func unescape(w *sh.Word, inQuotes bool) {
	if w == nil {
		return
	}
	var parts []sh.WordPart
	for _, part := range w.Parts {
		if l, ok := part.(*sh.Lit); ok {
			parts = append(parts, unescapeLit(l, inQuotes)...)
		} else {
			parts = append(parts, part)
		}
	}
	w.Parts = parts
}

func unescapeLit(l *sh.Lit, inQuotes bool) []sh.WordPart {
	const special = "\\\"$`"
	var parts []sh.WordPart
	add := func(text string) {
		if text != "" {
			parts = append(parts, &sh.Lit{ValuePos: l.ValuePos, ValueEnd: l.ValueEnd, Value: text})
		}
	}
	rest := l.Value
	from := 0
	for {
		i := strings.IndexByte(rest[from:], '\\')
		if i < 0 || from+i+1 >= len(rest) {
			add(rest)
			return parts
		}
		i += from
		_, size := utf8.DecodeRuneInString(rest[i+1:])
		c := rest[i+1 : i+1+size]
		if inQuotes && !strings.Contains(special, c) {
			from = i + 1 + size
			continue
		}
		add(rest[:i])
		if strings.Contains(special, c) {
			c = `\` + c
		}
		parts = append(parts, &sh.DblQuoted{Left: l.ValuePos, Right: l.ValueEnd, Parts: []sh.WordPart{lit(c)}})
		rest, from = rest[i+1+size:], 0
	}
}
