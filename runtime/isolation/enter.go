package isolation

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/shbuild/shbuild/runtime/userns"
)

// Options say how to enter.
type Options struct {
	Want Rung // empty: the best that there is
	Root int  // the host's user that is root in the user namespace, by [userns.EnterAs]; -1: the caller
}

// Enter runs f on a rung and returns its result, which is meant to be the exit status of the program. Where there
// is a user namespace f runs in another process of this executable, so main must call it before anything else that
// has an effect; see [userns.Enter]. A rung that was asked for and cannot be had is an *Error; f has not run then.
func Enter(o Options, f func(*Report) int) (int, error) {
	if userns.Inside() {
		return userns.EnterWith(userns.Options{Root: o.Root}, func() int { return f(told()) })
	}
	if o.Want == "" {
		return best(o, f)
	}
	report := Report{Rung: o.Want, Forced: true}
	switch o.Want {
	case Full, OneID:
		status, err := enter(o, &report, f)
		if failed, ok := asVerdict(o.Want, err); ok {
			return 0, &Error{o.Want, failed}
		}
		return status, err
	case Chroot:
		facts := Look()
		if v := chrooted(facts); !v.OK {
			return 0, &Error{o.Want, v}
		}
		report.Facts = &facts
		return enter(o, &report, f)
	default:
		report.Rungs = []Verdict{{Rung: None, OK: true}}
	}
	return f(&report), nil
}

// best tries the rungs from the top. Most often that is all: nothing else is looked at then.
func best(o Options, f func(*Report) int) (int, error) {
	status, err := enter(o, &Report{Rung: Full}, f)
	top, failed := asVerdict(Full, err)
	if !failed || o.Root >= 0 { // with another user as root there must be others
		return status, err
	}
	facts := Look()
	facts.Full = Trial{Error: top.Reason, Advice: top.Mend, Cause: top.Cause} // it has just been tried
	report := Assess(facts)
	if report.Rung == None {
		return f(&report), nil
	}
	return enter(o, &report, f)
}

// enter enters a rung on which programs run.
func enter(o Options, report *Report, f func(*Report) int) (int, error) {
	text, err := json.Marshal(report)
	if err != nil {
		return 0, fmt.Errorf("tell the build about its isolation: %w", err)
	}
	return userns.EnterWith(userns.Options{Root: o.Root, Alone: report.Rung == OneID, Bare: report.Rung == Chroot, Word: string(text)}, func() int { return f(told()) })
}

// told is what the outer process said, and what is to be seen from inside.
func told() *Report {
	report := Report{Rung: Full}
	_ = json.Unmarshal([]byte(userns.Word()), &report) // one who entered by package userns alone says nothing
	report.IDs, report.OuterProc = userns.Mode(), !userns.OwnProc() && report.Rung != Chroot
	if len(report.Rungs) == 0 {
		report.Rungs = []Verdict{{Rung: report.Rung, OK: true}}
	}
	return &report
}

// asVerdict makes a verdict of an error by which a rung was not reached.
func asVerdict(rung Rung, err error) (Verdict, bool) {
	var e *userns.Error
	if !errors.As(err, &e) {
		return Verdict{}, false
	}
	return Verdict{Rung: rung, Reason: e.Error(), Mend: e.Hint(), Cause: e.Cause}, true
}
