package instr

import (
	"maps"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Word expands one word as Expand does for operands: variables are replaced, quotes
// are removed. An EnvGetter for a map is easily made by shell.EnvsFromSlice.
func Word(word string, env shell.EnvGetter, escape rune) (string, error) {
	return expander{env: env, escape: escape}.word(word)
}

// A Match is an expanded word, and what was found in it: names of variables that are set, and of those that
// are not.
type Match = shell.ProcessWordResult

// WordNoting is Word that tells which variables it met.
func WordNoting(word string, env shell.EnvGetter, escape rune) (Match, error) {
	return expander{env: env, escape: escape}.lex().ProcessWordWithMatches(word, env)
}

type expander struct {
	env    shell.EnvGetter
	escape rune
	unset  func(name string)
}

func (e expander) lex() *shell.Lex {
	if e.escape == 0 {
		return shell.NewLex(defaultEscape)
	}
	return shell.NewLex(e.escape)
}

func (e expander) word(word string) (string, error) {
	out, unset, err := e.lex().ProcessWord(word, e.env)
	e.note(unset)
	return out, err
}

func (e expander) note(unset map[string]struct{}) {
	if e.unset == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(unset)) {
		e.unset(name)
	}
}

// body expands a heredoc, where quotes mean nothing and the escape is always the
// backslash.
func (e expander) body(text string) (string, error) {
	lex := shell.NewLex(defaultEscape)
	lex.SkipProcessQuotes = true
	out, unset, err := lex.ProcessWord(text, e.env)
	e.note(unset)
	return out, err
}
