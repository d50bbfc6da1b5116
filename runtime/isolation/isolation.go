// Package isolation finds out how far a build can be cut off from the place that it runs in, and begins it so.
//
// There is a ladder of four rungs, the best first:
//
//	full    a user namespace with many ids: RUN is in a container, every file has its owner
//	one-id  a user namespace with the caller alone: RUN is in a container, and changes of owner are pretended
//	chroot  root in a container that allows no namespaces: RUN is in a chroot on a copy of the files
//	none    everything but RUN
//
// [Look] gathers facts, changing nothing; [Assess] says of facts alone which rungs they allow, why not the others,
// and what would mend that; [Enter] begins a build on the best rung, or on the one that is asked for.
//
// The package does not run containers, and knows nothing of images.
package isolation

import (
	"fmt"
	"strings"

	"github.com/shbuild/shbuild/runtime/userns"
)

// Rung is a step of the ladder.
type Rung string

// The rungs, the best first.
const (
	Full   Rung = "full"
	OneID  Rung = "one-id"
	Chroot Rung = "chroot"
	None   Rung = "none"
)

// Ladder is all rungs, the best first.
var Ladder = []Rung{Full, OneID, Chroot, None}

// Auto asks for the best rung that there is.
const Auto = "auto"

// Parse reads what a user asks for: "auto", or empty, or a rung.
func Parse(text string) (Rung, error) {
	if text == "" || text == Auto {
		return "", nil
	}
	for _, r := range Ladder {
		if text == string(r) {
			return r, nil
		}
	}
	return "", fmt.Errorf("isolation %q: it is auto, full, one-id, chroot or none", text)
}

// Verdict is what was found out about one rung.
type Verdict struct {
	Rung   Rung   `json:"rung"`
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"` // why not
	Mend   string `json:"mend,omitempty"`   // what to do about it: a command, or a setting of the container
	// Cause is what stands in the way of a user namespace, where that is known.
	Cause userns.Cause `json:"cause,omitempty"`
}

// Report says which rung a build is on, and why not on a better one.
type Report struct {
	Rung   Rung `json:"rung"`
	Forced bool `json:"forced,omitempty"` // the user asked for it
	// Rungs are those that were looked at. Where the best rung, or the one that was asked for, is there, it
	// alone is.
	Rungs []Verdict `json:"rungs"`
	// Facts are what was seen; nil where nothing had to be looked at.
	Facts *Facts `json:"facts,omitempty"`
	// OuterProc: RUN sees the /proc of what this runs in, since the kernel allows no other there.
	OuterProc bool `json:"outerProc,omitempty"`
	// IDs says which users there are: "65536 sub-ids", "every id", "one id".
	IDs string `json:"ids,omitempty"`
}

// Verdict is what the report says of a rung.
func (r *Report) Verdict(rung Rung) (Verdict, bool) {
	for _, v := range r.Rungs {
		if v.Rung == rung {
			return v, true
		}
	}
	return Verdict{}, false
}

// String is the report in a line: "full, 65536 sub-ids", "one-id (not full: …)".
func (r *Report) String() string {
	if next, ok := r.next(); ok {
		return fmt.Sprintf("%s (not %s: %s)", r.Summary(), next.Rung, next.Reason)
	}
	return r.Summary()
}

// Summary is the line without the reason why it is not the rung above.
func (r *Report) Summary() string {
	var b strings.Builder
	b.WriteString(string(r.Rung))
	if r.Rung == Full && r.IDs != "" {
		b.WriteString(", " + r.IDs)
	}
	if r.Forced {
		b.WriteString(", as asked for")
	}
	if r.OuterProc {
		b.WriteString(", with the /proc of the outside")
	}
	return b.String()
}

// next is the rung above, when it was looked at.
func (r *Report) next() (Verdict, bool) {
	if r.Forced {
		return Verdict{}, false
	}
	above := Verdict{}
	if r.Rung == None && len(r.Rungs) > 1 {
		return r.Rungs[0], true // the best of several that are all out of reach
	}
	for _, v := range r.Rungs {
		if v.Rung == r.Rung {
			break
		}
		above = v
	}
	return above, above.Rung != ""
}

// Error is the error for a rung that cannot be had, or for a RUN where there is none.
type Error struct {
	Rung Rung
	Verdict
}

func (e *Error) Error() string { return fmt.Sprintf("isolation %s: %s", e.Rung, e.Reason) }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.Mend }
