package build

import "io"

// Progress is told what a build does, for a display. Its methods are called
// from many goroutines.
type Progress interface {
	// Begin says that work on a step has begun. Its title is one line, such as
	// "[build 2/5] RUN make".
	Begin(title string) Step
	// Note shows a line that belongs to no step: a warning, a finding.
	Note(text string)
}

// Step is a step on the display.
type Step interface {
	// Output takes what the step's program writes. It must not keep p.
	io.Writer
	// Advance tells how far a transfer has come, in bytes; total is 0 where it
	// is not known.
	Advance(done, total int64)
	// End says how it ended.
	End(how Ending)
}

// Ending is how a step ended.
type Ending int

const (
	Done     Ending = iota // it was carried out
	Cached                 // the cache had it
	Failed                 // it failed; the error says the rest
	Canceled               // it was stopped: nobody needs it any more, or something else failed
)
