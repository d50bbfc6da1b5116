package isolation

import "strings"

// RunError is the error for a RUN where the rung is [None].
func (r *Report) RunError() error {
	v := Verdict{Rung: None, Reason: "RUN is off, as asked for", Mend: "leave --isolation or SHBUILD_ISOLATION out"}
	if r.Forced {
		return &Error{None, v}
	}
	var why, mend []string
	for _, v := range r.Rungs {
		if !v.OK {
			why = append(why, "no "+string(v.Rung)+": "+v.Reason)
			mend = append(mend, "for "+string(v.Rung)+": "+v.Mend)
		}
	}
	v.Reason = "this place allows no RUN: " + strings.Join(why, "; ")
	v.Mend = strings.Join(mend, "; ")
	return &Error{None, v}
}
