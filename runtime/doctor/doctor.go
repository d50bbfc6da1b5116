// Package doctor says what a place gives to builds, what it does not give, and by which command or setting it would:
// the rung of isolation first, and then what is had on it.
//
// [Look] gathers facts outside of the build's namespaces, [Facts.LookInside] those that only show inside, and
// [Diagnose] makes a diagnosis of facts alone, so that it can be tested for places that are not at hand.
//
// It changes nothing: whatever is tried is gone when the program ends, and no file is made. What is found out about
// user namespaces is package isolation's, about overlayfs package rootfs's,
// about cgroups package cgroup's.
package doctor

import (
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/userns"
)

// Diagnosis is what comes of the facts.
type Diagnosis struct {
	RUN      bool             `json:"run"` // a build with RUN in it would be carried out
	Want     isolation.Rung   `json:"want,omitempty"`
	Report   isolation.Report `json:"isolation"`
	Findings []Finding        `json:"findings"`
	Facts    Facts            `json:"facts"`
}

// Level says how much a finding matters.
type Level string

// The levels.
const (
	Good Level = "good"
	Less Level = "less" // builds go well, but slower or without something
	Bad  Level = "bad"  // builds fail
)

// Finding is one thing that was found out.
type Finding struct {
	Topic string `json:"topic"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Mend  string `json:"mend,omitempty"` // a command, or a setting of the container; empty: nothing needs to be done
}

// Diagnose says what the facts mean for a build on the rung that is wanted; empty: on the best that there is.
func Diagnose(f Facts, want isolation.Rung) Diagnosis {
	d := Diagnosis{Want: want, Report: isolation.Assess(f.Isolation), Facts: f}
	if want != "" {
		d.force(want)
	}
	d.Report.IDs = f.IDs
	d.Report.Facts = nil // they are in Facts
	for i := range d.Report.Rungs {
		v := &d.Report.Rungs[i]
		if !v.OK {
			v.Mend = f.mend(*v)
			if (v.Cause == userns.NoProgram || v.Cause == userns.NoRanges) && !f.Isolation.OneID.OK {
				v.Mend += "; and what one-id needs"
			}
		}
	}
	d.RUN = d.Report.Rung != isolation.None
	for _, finding := range []*Finding{f.proc(d.Report), f.layers(d.Report), f.state(d.Report), f.memory(d.Report), f.network(d.Report)} {
		if finding == nil {
			continue
		}
		d.Findings = append(d.Findings, *finding)
		d.RUN = d.RUN && finding.Level != Bad
	}
	return d
}

// force takes the rung that is wanted if it can be had, else none.
func (d *Diagnosis) force(want isolation.Rung) {
	d.Report.Rung, d.Report.OuterProc = isolation.None, false
	if v, ok := d.Report.Verdict(want); !ok || !v.OK {
		return
	}
	d.Report.Rung, d.Report.Forced = want, true
	switch want {
	case isolation.Full:
		d.Report.OuterProc = !d.Facts.Isolation.Full.OwnProc
	case isolation.OneID:
		d.Report.OuterProc = !d.Facts.Isolation.OneID.OwnProc
	}
}
