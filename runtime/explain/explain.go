// Package explain says, in the words of the trade, what a build would do with each instruction of a file: what is
// fetched, what a layer is made of, how a container is set up, what names the result in the cache, and what lands
// in the image's configuration.
//
// Nothing is run, fetched or written. Of a plain Dockerfile much is known beforehand, and variables are expanded
// where the base's environment is known. A script is not run: each instruction is explained where it stands, with
// the conditions and loops around it, and its operands as they are written.
//
// What it says of containers comes from package sandbox's own lists; the rest restates what package build does,
// and its tests hold the two together. It does not print: the lines are data.
package explain

import (
	"errors"
	"fmt"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
	"github.com/shbuild/shbuild/runtime/runner"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

// Line is what is said of one instruction.
type Line struct {
	File    string   `json:"file"`
	Line    int      `json:"line"`
	Keyword string   `json:"keyword"`
	Text    string   `json:"text"`            // the instruction as it is written
	Where   []string `json:"where,omitempty"` // what it stands in, the outermost first
	Facts   []Fact   `json:"facts"`
}

// Fact is one thing that is said, under a heading: "fetch", "stage", "runs", "container", "layer", "mounts", "namespaces",
// "capabilities", "seccomp", "key", "config", "result", "note".
type Fact struct {
	Topic string `json:"topic"`
	Text  string `json:"text"`
}

// Image is what is known of a base without fetching it.
type Image struct {
	Where  string // "in the store, sha256:…"; "inside shbuild"
	Layers int
	Config []byte // JSON
}

// Options say what the build would be given. The zero value works.
type Options struct {
	BuildArgs map[string]string
	Target    string
	Platform  string // for the words only; empty: this machine's
	// Known finds an image that is here already; it may be nil.
	Known func(name string) (*Image, bool)
}

// File explains a file. Errors are *diag.Error, all that are found joined.
func File(f *syntax.File, o Options) ([]Line, error) {
	described, err := describe()
	if err != nil {
		return nil, err
	}
	x := &explaining{file: f, options: o, described: described}
	if f.Plain {
		x.plain()
	} else {
		x.script()
	}
	return x.lines, errors.Join(x.errs...)
}

// describe says what a RUN's container is made of.
func describe() (sandbox.Description, error) {
	s := sandbox.New(runner.Program(), nil)
	d, err := s.Describe(sandbox.Spec{})
	return d, errors.Join(err, s.Close())
}

// explaining is one File.
type explaining struct {
	file      *syntax.File
	options   Options
	described sandbox.Description
	told      int // the line whose container was told in full; 0: none yet
	lines     []Line
	errs      []error
}

// begin starts the line of an instruction.
func (x *explaining) begin(in *syntax.Instruction) *Line {
	return &Line{File: x.file.Source.Name, Line: in.Span.Start.Line, Keyword: in.Keyword, Text: in.Text, Facts: []Fact{}}
}

func (x *explaining) fail(in *syntax.Instruction, err error) {
	x.errs = append(x.errs, &diag.Error{Source: x.file.Source, Span: in.Span, Op: in.Keyword, Err: err})
}

// say adds a fact.
func (l *Line) say(topic, format string, args ...any) {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	l.Facts = append(l.Facts, Fact{topic, text})
}
