package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/platform"
	"github.com/shbuild/shbuild/runtime/explain"
	"github.com/shbuild/shbuild/runtime/userland"
)

// explainFile is shbuild explain [flags] FILE.
func explainFile(args []string, std streams) int {
	var f seeFlags
	var o explain.Options
	var buildArgs []string
	flags := pflag.NewFlagSet("shbuild explain", pflag.ContinueOnError)
	f.register(flags)
	flags.StringArrayVar(&buildArgs, "build-arg", nil, "what the build would be given: `NAME=VALUE`, or NAME to take it from the environment")
	flags.StringVar(&o.Target, "target", "", "the `STAGE` that would be built instead of the last")
	if status, done := parse(flags, args, std, "explain [flags] FILE"); done {
		return status
	}
	if flags.NArg() != 1 {
		return badUsage(std, diag.WithHint(errors.New("explain takes one file"), "shbuild explain Dockerfile"))
	}
	var err error
	if o.BuildArgs, err = pairs("build-arg", buildArgs, true); err != nil {
		return badUsage(std, err)
	}
	if f.platform != "" {
		if _, err := platform.Parse(f.platform); err != nil {
			return badUsage(std, err)
		}
		o.Platform = f.platform
	}
	lines, err := f.explain(flags.Arg(0), o, std)
	if err != nil {
		return failed(context.Background(), std, err)
	}
	if f.json {
		return printJSON(std, lines)
	}
	printLines(std.out, lines)
	return 0
}

func (f *seeFlags) explain(name string, o explain.Options, std streams) ([]explain.Line, error) {
	file, err := (&buildFlags{file: name}).read(std.in)
	if err != nil {
		return nil, err
	}
	images, err := f.open()
	if err != nil {
		return nil, err
	}
	o.Known = images.known
	return explain.File(file, o)
}

// known finds a base without fetching it.
func (s *seen) known(name string) (*explain.Image, bool) {
	if name == userland.Name {
		config, err := userland.Config()
		return &explain.Image{Where: "inside shbuild", Layers: 1, Config: config}, err == nil
	}
	img, ok, err := s.Image(name, s.platform)
	if err != nil || !ok {
		return nil, false
	}
	config, cerr := img.RawConfigFile()
	layers, lerr := img.Layers()
	digest, derr := img.Digest()
	return &explain.Image{Where: "in the store, " + digest.String(), Layers: len(layers), Config: config}, errors.Join(cerr, lerr, derr) == nil
}

// printLines prints what is said, each topic in a column of its own.
func printLines(w io.Writer, lines []explain.Line) {
	for i, l := range lines {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s:%d: %s\n", l.File, l.Line, printable(oneLine(l.Text)))
		facts := make([]explain.Fact, 0, len(l.Where)+len(l.Facts))
		for _, where := range l.Where {
			facts = append(facts, explain.Fact{Topic: "where", Text: where})
		}
		topic := ""
		for _, f := range append(facts, l.Facts...) {
			shown := f.Topic
			if shown == topic {
				shown = ""
			}
			topic = f.Topic
			fmt.Fprintf(w, "    %-12s  %s\n", shown, printable(strings.ReplaceAll(f.Text, "\n", " ")))
		}
	}
}
