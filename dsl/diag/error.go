package diag

import (
	"errors"
	"strings"
)

// Error is something wrong at a place in a source.
type Error struct {
	Source *Source
	Span   Span
	Op     string // the instruction's keyword, as in "COPY"; empty for shell text
	Err    error
	Hint   string // what to do about it; may be empty
	Trail  []Call // how the place was reached, innermost first
	// Branches tells apart the branches that all ended here, each by what is its own: "lang=go"; empty texts where
	// nothing is. Of one branch nothing is said.
	Branches []string
}

// Call is a place from which a function or a sourced file was called.
type Call struct {
	Source *Source
	Span   Span
}

// String gives the place and the first line of what stands there.
func (c Call) String() string {
	from, to := c.Span.Start.Offset, min(c.Span.End.Offset, len(c.Source.Text))
	text, _, _ := strings.Cut(string(c.Source.Text[from:max(from, to)]), "\n")
	if r := []rune(text); len(r) > callWidth {
		text = string(r[:callWidth-1]) + "…"
	}
	return c.Source.Name + ":" + c.Span.Start.String() + ": " + strings.Map(printable, text)
}

// callWidth is how much of a call's text is shown.
const callWidth = 60

// Error returns "FILE:LINE:COL: OP: message".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Source != nil {
		b.WriteString(e.Source.Name + ":" + e.Span.Start.String() + ": ")
	}
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	if e.Err != nil {
		message := e.Err.Error()
		if e.Op != "" { // BuildKit's parser says "COPY requires …"
			message = strings.TrimPrefix(message, e.Op+" ")
		}
		b.WriteString(message)
	}
	return b.String()
}

// Unwrap returns what is wrong, without the place.
func (e *Error) Unwrap() error { return e.Err }

// HintOf returns the advice that comes with err: an *Error's Hint, or the first Hint method in the
// chain of wrapped errors. It is empty if there is none.
func HintOf(err error) string {
	for err != nil {
		if e, ok := err.(*Error); ok && e.Hint != "" {
			return e.Hint
		}
		if h, ok := err.(interface{ Hint() string }); ok {
			return h.Hint()
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				if hint := HintOf(e); hint != "" {
					return hint
				}
			}
			return ""
		}
		err = errors.Unwrap(err)
	}
	return ""
}

// split takes errors that were joined apart, however deep. A join that something else wraps stays whole.
func split(err error) []error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	if _, ok := err.(interface{ Is(error) bool }); ok {
		return []error{err}
	}
	var all []error
	for _, e := range many.Unwrap() {
		all = append(all, split(e)...)
	}
	return all
}
