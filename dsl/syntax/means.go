package syntax

import (
	"fmt"
	"reflect"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// means says whether two files have the same instructions in the same shell text; else at is where in f the first
// difference is known to be.
func (f *File) means(other *File) (at int, same bool) {
	for i, in := range f.Instructions {
		if i >= len(other.Instructions) {
			return in.Span.Start.Offset, false
		}
		o := other.Instructions[i]
		if in.Keyword != o.Keyword || tidyText(in) != tidyText(o) || in.AfterPipe != o.AfterPipe || in.Probe != o.Probe {
			return in.Span.Start.Offset, false
		}
	}
	if len(f.Instructions) != len(other.Instructions) || f.Plain != other.Plain || f.Escape != other.Escape {
		return 0, false
	}
	if f.Shell == nil || other.Shell == nil {
		return 0, f.Shell == other.Shell
	}
	return 0, shape(f.Shell) == shape(other.Shell)
}

// tidyText is an instruction's text without what Format may change of it.
func tidyText(in *Instruction) string {
	return in.Keyword + strings.TrimRight(in.Text[len(in.Keyword):], " \t\r\n")
}

// shape shows what a tree means: all of it but places, comments, and how a thing is written that can be written in
// two ways.
func shape(f *syntax.File) string {
	var b strings.Builder
	dash := map[*syntax.Word]bool{}
	syntax.Walk(f, func(n syntax.Node) bool {
		if r, ok := n.(*syntax.Redirect); ok && r.Op == syntax.DashHdoc {
			dash[r.Hdoc] = true
		}
		return true
	})
	shapeOf(&b, reflect.ValueOf(f.Stmts), dash, false)
	return b.String()
}

func shapeOf(b *strings.Builder, v reflect.Value, dash map[*syntax.Word]bool, chomp bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("- ")
			return
		}
		if w, ok := v.Interface().(*syntax.Word); ok && dash[w] {
			chomp = true
		}
		if q, ok := v.Interface().(*syntax.Stmt); ok && len(q.Comments) > 0 {
			c := *q
			c.Comments = nil
			v = reflect.ValueOf(&c)
		}
		shapeOf(b, v.Elem(), dash, chomp)
	case reflect.Slice:
		b.WriteString("[ ")
		for i := range v.Len() {
			shapeOf(b, v.Index(i), dash, chomp)
		}
		b.WriteString("] ")
	case reflect.Struct:
		switch v.Interface().(type) {
		case syntax.Pos, syntax.Comment:
			return
		}
		b.WriteString(v.Type().Name() + "{ ")
		for i := range v.NumField() {
			switch name := v.Type().Field(i).Name; name {
			case "Comments", "Last", "CondLast", "ThenLast", "DoLast", "Backquotes", "Bracket", "Braces":
			case "Short":
			default:
				shapeOf(b, v.Field(i), dash, chomp)
			}
		}
		b.WriteString("} ")
	case reflect.String:
		text := v.String()
		if chomp {
			lines := strings.Split(text, "\n")
			for i := range lines {
				lines[i] = strings.TrimLeft(lines[i], "\t")
			}
			text = strings.Join(lines, "\n")
		}
		fmt.Fprintf(b, "%q ", text)
	default:
		fmt.Fprintf(b, "%v ", v)
	}
}
