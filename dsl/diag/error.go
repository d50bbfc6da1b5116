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
}

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
		b.WriteString(e.Err.Error())
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
