package isolation

import (
	"slices"
	"strings"
)

// Assess says which rungs the facts allow, and which one is the best.
func Assess(f Facts) Report {
	r := Report{Facts: &f, Rungs: []Verdict{
		namespaced(Full, f.Full, f), namespaced(OneID, f.OneID, f), chrooted(f), {Rung: None, OK: true},
	}}
	r.choose()
	return r
}

// choose takes the best rung.
func (r *Report) choose() {
	for _, v := range r.Rungs {
		if v.OK {
			r.Rung = v.Rung
			break
		}
	}
	switch r.Rung {
	case Full:
		r.OuterProc = !r.Facts.Full.OwnProc
	case OneID:
		r.OuterProc = !r.Facts.OneID.OwnProc
	}
}

func namespaced(rung Rung, t Trial, f Facts) Verdict {
	v := Verdict{Rung: rung, OK: t.OK, Reason: t.Error, Mend: t.Advice, Cause: t.Cause}
	if !t.OK && f.SELinux && v.Mend == "" {
		v.Mend = "SELinux enforces: ausearch -m avc -ts recent shows whether it is in the way"
	}
	return v
}

// chrootCaps are what a RUN in a chroot takes: to go there, to make its /dev, and for root in it to be root.
var chrootCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_MKNOD",
}

func chrooted(f Facts) Verdict {
	v := Verdict{Rung: Chroot}
	if f.UID != 0 {
		v.Reason = "it is for root in a container, and this is not root"
		v.Mend = "reach full or one-id instead, or start the container as root (docker run --user 0; in a pod runAsUser: 0)"
		return v
	}
	if f.InUserNS {
		v.Reason = "the kernel lets nobody make devices in a user namespace, and a chroot needs /dev/null"
		v.Mend = "reach full or one-id instead"
		return v
	}
	var missing []string
	for _, c := range chrootCaps {
		if !slices.Contains(f.Caps, c) {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		v.Reason = "root lacks " + strings.Join(missing, ", ")
		v.Mend = "give them to the container: docker run"
		for _, c := range missing {
			v.Mend += " --cap-add " + strings.TrimPrefix(c, "CAP_")
		}
		v.Mend += "; in a pod capabilities.add"
		return v
	}
	v.OK = true
	return v
}
