package system

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
	"github.com/shbuild/shbuild/cmd/toybox/internal/text"
)

// evaluator is expr's parser: it evaluates as it reads.
type evaluator struct{ args []string }

var errExprSyntax = errors.New("syntax error")

func expr(c *applet.Call) error {
	args := c.Args
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return applet.Usagef("no expression given")
	}
	e := &evaluator{args}
	value, err := e.binary(0)
	if err == nil && len(e.args) > 0 {
		err = errExprSyntax
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout, value)
	if !truth(value) {
		return applet.Exit(1)
	}
	return nil
}

// levels are the operators from loose to tight.
var levels = []string{"|", "&", "< <= = == != >= >", "+ -", "* / %", ":"}

func (e *evaluator) binary(level int) (string, error) {
	if level == len(levels) {
		return e.operand()
	}
	left, err := e.binary(level + 1)
	for err == nil && len(e.args) > 0 && isOperator(levels[level], e.args[0]) {
		op := e.args[0]
		e.args = e.args[1:]
		var right string
		if right, err = e.binary(level + 1); err == nil {
			left, err = apply(op, left, right)
		}
	}
	return left, err
}

func isOperator(level, word string) bool {
	return word != "" && strings.Contains(" "+level+" ", " "+word+" ")
}

func (e *evaluator) next() (string, error) {
	if len(e.args) == 0 {
		return "", errExprSyntax
	}
	word := e.args[0]
	e.args = e.args[1:]
	return word, nil
}

func (e *evaluator) operand() (string, error) {
	word, err := e.next()
	if err != nil {
		return "", err
	}
	switch word {
	case "(":
		value, err := e.binary(0)
		if err != nil {
			return "", err
		}
		if end, err := e.next(); err != nil || end != ")" {
			return "", errExprSyntax
		}
		return value, nil
	case ")":
		return "", errExprSyntax
	case "+": // the next word is no keyword
		return e.next()
	case "length", "match", "substr", "index":
		if len(e.args) > 0 {
			return e.function(word)
		}
	}
	return word, nil
}

func (e *evaluator) function(name string) (string, error) {
	var args []string
	for range map[string]int{"length": 1, "match": 2, "substr": 3, "index": 2}[name] {
		value, err := e.operand()
		if err != nil {
			return "", err
		}
		args = append(args, value)
	}
	switch name {
	case "length":
		return strconv.Itoa(utf8.RuneCountInString(args[0])), nil
	case "match":
		return match(args[0], args[1])
	case "index":
		for i, r := range []rune(args[0]) {
			if strings.ContainsRune(args[1], r) {
				return strconv.Itoa(i + 1), nil
			}
		}
		return "0", nil
	}
	runes := []rune(args[0])
	from, err1 := strconv.Atoi(args[1])
	count, err2 := strconv.Atoi(args[2])
	if err1 != nil || err2 != nil || from < 1 || count < 1 || from > len(runes) {
		return "", nil
	}
	return string(runes[from-1:][:min(count, len(runes)-from+1)]), nil
}

func apply(op, left, right string) (string, error) {
	switch op {
	case "|":
		if truth(left) {
			return left, nil
		}
		if truth(right) {
			return right, nil
		}
		return "0", nil
	case "&":
		if truth(left) && truth(right) {
			return left, nil
		}
		return "0", nil
	case ":":
		return match(left, right)
	}
	a, okA := new(big.Int).SetString(left, 10)
	b, okB := new(big.Int).SetString(right, 10)
	order := strings.Compare(left, right)
	if okA && okB {
		order = a.Cmp(b)
	}
	if holds, ok := map[string]bool{
		"<": order < 0, "<=": order <= 0, "=": order == 0, "==": order == 0,
		"!=": order != 0, ">=": order >= 0, ">": order > 0,
	}[op]; ok {
		if holds {
			return "1", nil
		}
		return "0", nil
	}
	if !okA || !okB {
		return "", errors.New("non-integer argument")
	}
	return calculate(op, a, b)
}

func calculate(op string, a, b *big.Int) (string, error) {
	switch op {
	case "+":
		a.Add(a, b)
	case "-":
		a.Sub(a, b)
	case "*":
		a.Mul(a, b)
	default:
		if b.Sign() == 0 {
			return "", errors.New("division by zero")
		}
		quotient, rest := new(big.Int).QuoRem(a, b, new(big.Int))
		if a = quotient; op == "%" {
			a = rest
		}
	}
	return a.String(), nil
}

// match is "text : pattern": the first group, or how many characters match from the start.
func match(subject, pattern string) (string, error) {
	re, err := text.Compile(pattern, false, "s")
	if err != nil {
		return "", err
	}
	re = regexp.MustCompile(`\A(?:` + re.String() + `)`)
	re.Longest()
	at := re.FindStringSubmatchIndex(subject)
	switch {
	case re.NumSubexp() > 0 && (at == nil || at[2] < 0):
		return "", nil
	case re.NumSubexp() > 0:
		return subject[at[2]:at[3]], nil
	case at == nil:
		return "0", nil
	}
	return strconv.Itoa(utf8.RuneCountInString(subject[:at[1]])), nil
}

func truth(value string) bool {
	n, ok := new(big.Int).SetString(value, 10)
	return value != "" && !(ok && n.Sign() == 0)
}
