package files

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// findParser reads find's expression: -o binds less than -a, which may be left out, and that
// less than !.
type findParser struct {
	f    *finder
	args []string
}

func (p *findParser) parse() error {
	expr := test(func(*found) bool { return true })
	if len(p.args) > 0 {
		var err error
		if expr, err = p.or(); err != nil {
			return err
		}
		if len(p.args) > 0 {
			return applet.Usagef("unexpected '%s'", p.args[0])
		}
	}
	p.f.test = expr
	if !p.f.acts {
		print := p.f.print("\n")
		p.f.test = func(at *found) bool { return expr(at) && print(at) }
	}
	return nil
}

func (p *findParser) accept(words ...string) bool {
	if len(p.args) > 0 && slices.Contains(words, p.args[0]) {
		p.args = p.args[1:]
		return true
	}
	return false
}

func (p *findParser) or() (test, error) {
	left, err := p.and()
	for err == nil && p.accept("-o", "-or") {
		a := left
		var b test
		b, err = p.and()
		left = func(at *found) bool { return a(at) || b(at) }
	}
	return left, err
}

func (p *findParser) and() (test, error) {
	left, err := p.not()
	for err == nil && len(p.args) > 0 && !slices.Contains([]string{"-o", "-or", ")"}, p.args[0]) {
		p.accept("-a", "-and")
		a := left
		var b test
		b, err = p.not()
		left = func(at *found) bool { return a(at) && b(at) }
	}
	return left, err
}

func (p *findParser) not() (test, error) {
	switch {
	case p.accept("!", "-not"):
		inner, err := p.not()
		return func(at *found) bool { return !inner(at) }, err
	case p.accept("("):
		inner, err := p.or()
		if err == nil && !p.accept(")") {
			err = applet.Usagef("a ')' is missing")
		}
		return inner, err
	case len(p.args) == 0:
		return nil, applet.Usagef("the expression is cut off")
	}
	name := p.args[0]
	p.args = p.args[1:]
	if t, ok := p.plain(name); ok {
		return t, nil
	}
	if strings.HasPrefix(name, "-exec") || name == "-ok" {
		return p.exec(name)
	}
	if len(p.args) == 0 {
		return nil, applet.Usagef("'%s' is not known, or needs a value", name)
	}
	value := p.args[0]
	p.args = p.args[1:]
	return p.valued(name, value)
}

// plain are the words without a value.
func (p *findParser) plain(name string) (test, bool) {
	f := p.f
	yes := func(*found) bool { return true }
	switch name {
	case "-print":
		return f.print("\n"), true
	case "-print0":
		return f.print("\x00"), true
	case "-delete":
		f.acts, f.depth = true, true
		return f.remove, true
	case "-prune":
		return func(at *found) bool { at.prune = true; return true }, true
	case "-quit":
		f.acts = true
		return func(*found) bool { f.stopped = true; return false }, true
	case "-depth", "-d":
		f.depth = true
		return yes, true
	case "-xdev", "-mount":
		f.oneFS = true
		return yes, true
	case "-follow":
		f.follow = followAll
		return yes, true
	case "-true":
		return yes, true
	case "-false":
		return func(*found) bool { return false }, true
	case "-empty":
		return f.empty, true
	case "-executable":
		return func(at *found) bool { return at.info.Mode()&0o111 != 0 }, true
	case "-nouser":
		return func(at *found) bool { return isNumber(applet.UserName(sysStat(at.info).Uid)) }, true
	case "-nogroup":
		return func(at *found) bool { return isNumber(applet.GroupName(sysStat(at.info).Gid)) }, true
	}
	return nil, false
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// exec reads a command up to its ";" or "{} +".
func (p *findParser) exec(name string) (test, error) {
	if name != "-exec" {
		return nil, applet.Usagef("'%s' is not known; only -exec", name)
	}
	p.f.acts = true
	for i, arg := range p.args {
		switch {
		case arg == ";" && i > 0:
			argv := p.args[:i]
			p.args = p.args[i+1:]
			return p.f.each(argv), nil
		case arg == "+" && i > 1 && p.args[i-1] == "{}":
			b := &batch{argv: p.args[:i-1]}
			p.args = p.args[i+1:]
			p.f.batches = append(p.f.batches, b)
			return func(at *found) bool { b.add(p.f.c, at.name); return true }, nil
		}
	}
	return nil, applet.Usagef("-exec needs a command and ';' or '{} +' after it")
}

// number reads "5", "+5", "-5": equal, more, less.
func number(text string) (func(int64) bool, error) {
	digits := strings.TrimLeft(text, "+-")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(text)-len(digits) > 1 {
		return nil, fmt.Errorf("invalid number '%s'", text)
	}
	switch text[0] {
	case '+':
		return func(v int64) bool { return v > n }, nil
	case '-':
		return func(v int64) bool { return v < n }, nil
	}
	return func(v int64) bool { return v == n }, nil
}
