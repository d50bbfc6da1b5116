package interp

import (
	"context"
	"io"

	"github.com/shbuild/shbuild/dsl/diag"
)

// Stage is the engine's current stage. A value is never changed: an instruction gives
// a new one, so that subshells can hold the old one.
type Stage interface {
	// Variables returns the stage's ENV and ARGs in force; of two with one name the
	// later instruction has won.
	Variables() []Variable
}

// Variable is one ENV or ARG of a stage.
type Variable struct{ Name, Value string }

// Builder carries out instructions.
type Builder interface {
	// Do carries out one instruction on stage and returns the stage afterwards. stage
	// is nil before the first FROM or ARG. Do is called from several goroutines at
	// once. A program that ran and failed is an error with ExitStatus() int.
	Do(ctx context.Context, stage Stage, call *Call) (Stage, error)
}

// Call is one instruction as the shell reached it.
type Call struct {
	Source  *diag.Source
	Span    diag.Span
	Keyword string // upper case
	Text    string // as written; for an instruction reached by words, those words
	Instr   any    // package instr's value; variables are expanded

	Stdin  io.Reader // nil: empty
	Stdout io.Writer // nil: nobody but the display reads RUN's output
	Env    []string  // "K=V": the script variables that RUN and EXEC see
	Probe  bool      // a failure is an answer, not an accident
	Shell  string    // which shell of the script reached it: "" is the top-level one; each subshell has its own
}

// Options say how a script is run. The zero value of every field but Builder and Dir
// is useful.
type Options struct {
	Builder Builder
	Dir     string   // the context folder, absolute: the script's folder, and all it can read
	Args    []string // $1…
	Name    string   // $0

	AllowHost      bool     // any host program may be run
	AllowHostProgs []string // these host programs may be run
	AllowWrite     []string // absolute folders that the script may write in

	// Strict is for one who may be refused what the script may read: a file or folder that may not be read ends the
	// script, whatever the shell would make of it.
	Strict bool

	Stdout, Stderr io.Writer // what the script itself prints; nil: dropped
}
