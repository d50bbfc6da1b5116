package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/renameio/v2"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// format is shbuild fmt [flags] [FILE…].
func format(args []string, std streams) int {
	var write, show bool
	flags := pflag.NewFlagSet("shbuild fmt", pflag.ContinueOnError)
	flags.BoolVarP(&write, "write", "w", false, "write the tidy form into the file, instead of to standard output")
	flags.BoolVarP(&show, "diff", "d", false, "show what would change; the exit status is 1 if anything would")
	if status, done := parse(flags, args, std, "fmt [flags] [FILE…]"); done {
		return status
	}
	files := flags.Args()
	if len(files) == 0 {
		files = []string{"-"}
	}
	status := 0
	for _, name := range files {
		changed, err := formatFile(name, write, show, std)
		if err != nil {
			diag.Print(std.err, err, std.color())
			status = statusFailed
		}
		if changed && show {
			status = statusFailed
		}
	}
	return status
}

func formatFile(name string, write, show bool, std streams) (changed bool, err error) {
	var text []byte
	switch {
	case name == "-" && write:
		return false, errors.New("fmt -w: standard input cannot be written to")
	case name == "-":
		text, err = io.ReadAll(std.in)
	default:
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return false, fmt.Errorf("read what is to be formatted: %w", err)
	}
	tidy, err := syntax.Format(&diag.Source{Name: name, Text: text})
	if err != nil {
		return false, err
	}
	changed = !bytes.Equal(text, tidy)
	if show && changed {
		if _, err := std.out.Write(diff.Diff(name+".orig", text, name, tidy)); err != nil {
			return changed, err
		}
	}
	switch {
	case write && changed:
		fi, err := os.Stat(name)
		if err != nil {
			return changed, err
		}
		if err := renameio.WriteFile(name, tidy, fi.Mode().Perm()); err != nil {
			return changed, fmt.Errorf("write the tidy form: %w", err)
		}
	case !write && !show:
		_, err = std.out.Write(tidy)
	}
	return changed, err
}
