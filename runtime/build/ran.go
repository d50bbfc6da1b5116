package build

import (
	"bytes"
	"errors"
	"strings"

	sh "mvdan.cc/sh/v3/syntax"
)

// withCommand adds the command to the error of a program that failed.
func withCommand(err error, args []string, secrets [][]byte) error {
	var exit *ExitError
	if !errors.As(err, &exit) {
		return err
	}
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if quoted, err := sh.Quote(a, sh.LangBash); err == nil {
			words[i] = quoted
		}
	}
	var shown bytes.Buffer
	m := newMask(&shown, secrets)
	_, werr := m.Write([]byte(strings.Join(words, " ")))
	if werr == nil && m.flush() == nil {
		exit.Ran = shown.String()
	}
	return err
}
