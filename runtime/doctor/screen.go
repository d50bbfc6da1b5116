package doctor

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shbuild/shbuild/runtime/isolation"
)

// meaning is what a rung gives.
var meaning = map[isolation.Rung]string{
	isolation.Full:   "each in a container, every file has its owner",
	isolation.OneID:  "each in a container, changes of owner are pretended",
	isolation.Chroot: "each in a chroot on a copy of the files; what bounds it is what this runs in",
}

// Write writes a diagnosis for people: on one screen, with what to do behind an arrow.
func (d *Diagnosis) Write(w io.Writer) error {
	var b strings.Builder
	i := d.Facts.Isolation
	fmt.Fprintf(&b, "Linux %s, user %d", i.Kernel, i.UID)
	if place := d.Facts.Place.String(); place != "" {
		b.WriteString(", " + place)
	}
	b.WriteString("\n\n")
	switch {
	case slices.ContainsFunc(d.Findings, func(f Finding) bool { return f.Level == Bad }):
		b.WriteString("RUN: no; no build works here, see state\n")
	case d.Report.Rung != isolation.None:
		fmt.Fprintf(&b, "RUN: yes, %s\n     %s\n", d.Report.Summary(), meaning[d.Report.Rung])
	case d.Want == isolation.None:
		b.WriteString("RUN: no, as asked for; all but RUN works\n")
	case d.Want != "":
		fmt.Fprintf(&b, "RUN: no, not as asked for (%s)\n", d.Want)
	default:
		b.WriteString("RUN: no; all but RUN works\n")
	}
	b.WriteByte('\n')
	last := isolation.Verdict{}
	for _, v := range d.above() {
		if v.Reason == last.Reason && v.Mend == last.Mend {
			item(&b, string(v.Rung), "no: the same", "")
			continue
		}
		item(&b, string(v.Rung), "no: "+v.Reason, v.Mend)
		last = v
	}
	for _, f := range d.Findings {
		item(&b, f.Topic, f.Text, f.Mend)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// above are the rungs that are better than the one that is had, or the one that is wanted and not had.
func (d *Diagnosis) above() []isolation.Verdict {
	if d.Report.Forced || d.Want == isolation.None {
		return nil
	}
	if d.Want != "" {
		v, _ := d.Report.Verdict(d.Want)
		return []isolation.Verdict{v}
	}
	var above []isolation.Verdict
	for _, v := range d.Report.Rungs {
		if v.Rung == d.Report.Rung {
			break
		}
		if v.Rung == isolation.Chroot && d.Facts.Place == Host {
			continue // it is for containers
		}
		above = append(above, v)
	}
	return above
}

func item(b *strings.Builder, topic, text, mend string) {
	fmt.Fprintf(b, "%-8s %s\n", topic, text)
	if mend != "" {
		fmt.Fprintf(b, "         → %s\n", mend)
	}
}
