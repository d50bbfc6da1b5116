package syntax

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/shbuild/shbuild/dsl/diag"
)

// DockerfileKeywords are the instruction words that Docker knows.
var DockerfileKeywords = []string{
	"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
	"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}

// Keywords are all the instruction words: Dockerfile's and the builder's own.
var Keywords = append(slices.Clone(DockerfileKeywords),
	"USERNS", "CWD", "MEM", "EXEC", "COMMIT", "PUSH", "EXPORT")

// IsKeyword reports whether word is an instruction word, in capitals.
func IsKeyword(word string) bool { return slices.Contains(Keywords, word) }

// InstructionMark begins the second word of the command that stands for an instruction in File.Shell.
// The instruction's index in File.Instructions follows. No source holds the mark: a NUL is refused.
const InstructionMark = "\x00instruction:"

// File is a file that was read.
type File struct {
	Source       *diag.Source
	Plain        bool           // a plain Dockerfile: nothing but Dockerfile's own instructions
	Escape       rune           // the escape character in force: a backslash, or a backquote by "# escape=`"
	Instructions []*Instruction // in the order of the source
	// EmptyLines are the lines, from 1, on which an instruction of a plain file ends that goes on over an
	// empty line. Dockerfile means to refuse that one day.
	EmptyLines []int
	// Shell is a script's shell text; nil for a plain file. Each instruction in it is a simple command
	// whose words are the keyword and InstructionMark with the index.
	Shell *syntax.File
}

// At gives the instruction that a command of Shell stands for; nil: it is none.
func (f *File) At(call *syntax.CallExpr) *Instruction {
	if len(call.Args) != 2 {
		return nil
	}
	no, ok := strings.CutPrefix(call.Args[1].Lit(), InstructionMark)
	if !ok {
		return nil
	}
	i, err := strconv.Atoi(no)
	if err != nil || i < 0 || i >= len(f.Instructions) {
		return nil
	}
	return f.Instructions[i]
}

// StageName is the name that a FROM of a script gives its stage, and whether nothing in it is expanded; has: it gives one.
func (in *Instruction) StageName() (name string, whole, has bool) {
	for i, w := range in.Words {
		if as, _ := Literal(w); strings.EqualFold(as, "AS") && i+1 < len(in.Words) {
			name, whole = Literal(in.Words[i+1])
			return name, whole, true
		}
	}
	return "", false, false
}

// Instruction is one instruction with its true extent.
type Instruction struct {
	Keyword string // in upper case
	// Text is the instruction as it was written, keyword first, the bodies of its heredocs included.
	// By itself it is a file of this one instruction.
	Text string
	Span diag.Span // of Text; where a closing word cuts the line before a heredoc's body, the word is in it
	// Comments are the lines of comment directly above an instruction of a plain file, without the #:
	// what describes it, and what of the lint rules is skipped for it.
	Comments []string
	// Probe says that the instruction stands in the condition of an if or elif, so that a failure is an answer.
	Probe bool
	// AfterPipe says that the instruction stands directly after the shell's |, which then is its standard input.
	AfterPipe bool
	// Words are the operands, flags included, of an instruction in a script that expands them; each is
	// rewritten so that expansion splits no fields and matches no files. "$@" and "${a[@]}" still give
	// several words. Nil for those that are not expanded outside of the container, and for the JSON form.
	Words []*syntax.Word
	// Heredocs are the here-documents of a COPY or ADD that has Words, in order.
	Heredocs []Heredoc
}

// Heredoc is an operand of COPY or ADD that brings a file's contents along.
type Heredoc struct {
	Operand int    // index in Words, of the word <<NAME
	Name    string // what ends it; COPY takes it as the file's name
	Content string // as it stands, leading tabs removed for <<-
	// Body is the content as a word for expand.Document. Nil if the name was quoted: then nothing in the
	// content is expanded.
	Body *syntax.Word
}

// raw says of which instructions nothing is expanded outside of the container: they take the rest of the
// line as it is, operators included.
func raw(keyword string) bool {
	switch keyword {
	case "RUN", "EXEC", "CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL", "ONBUILD":
		return true
	}
	return false
}

// mayHaveHeredocs says which instructions Dockerfile gives heredocs to.
func mayHaveHeredocs(keyword string) bool {
	switch strings.ToUpper(keyword) {
	case "RUN", "COPY", "ADD":
		return true
	}
	return false
}
