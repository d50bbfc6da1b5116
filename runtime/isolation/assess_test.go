package isolation

import (
	"strings"
	"testing"
)

// dockerCaps are what docker gives to root in a container.
var dockerCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
	"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP",
}

// TestAssess goes down the ladder by facts alone, place by place.
func TestAssess(t *testing.T) {
	enters := Trial{OK: true, OwnProc: true}
	covered := Trial{OK: true}
	noClone := Trial{Error: "make a user namespace: operation not permitted", Advice: "start it with --security-opt seccomp=unconfined"}
	noRange := Trial{Error: "map user ids: newuidmap is not installed", Advice: "apt-get install uidmap"}
	for _, tt := range []struct {
		place  string
		facts  Facts
		rung   Rung
		outer  bool
		reason string // in the line that is shown
		mend   string // of the rung above
	}{
		{"a host, an ordinary user", Facts{UID: 1000, Full: enters, OneID: enters}, Full, false, "full", ""},
		{"docker, root, the default profile", Facts{Caps: dockerCaps, Seccomp: true, Full: noClone, OneID: noClone},
			Chroot, false, "chroot (not one-id: make a user namespace: operation not permitted)", "seccomp=unconfined"},
		{"podman without root, root in it, its profile", Facts{Caps: dockerCaps, InUserNS: true, Seccomp: true, Full: noClone, OneID: noClone},
			None, false, "none (not full: make a user namespace", "seccomp=unconfined"},
		{"docker, root, no profile", Facts{Caps: dockerCaps, Full: covered, OneID: covered}, Full, true, "full, with the /proc of the outside", ""},
		{"docker, user 1000, no profile, no newuidmap", Facts{UID: 1000, Full: noRange, OneID: covered},
			OneID, true, "one-id, with the /proc of the outside (not full: map user ids: newuidmap is not installed)", "apt-get install uidmap"},
		{"docker, user 1000, the default profile", Facts{UID: 1000, Seccomp: true, Full: noClone, OneID: noClone},
			None, false, "none (not full: make a user namespace: operation not permitted)", "seccomp=unconfined"},
		{"docker, root, no capabilities", Facts{Seccomp: true, Full: noClone, OneID: noClone},
			None, false, "none (not full: make a user namespace", "seccomp=unconfined"},
		{"docker, root, no MKNOD", Facts{Caps: dockerCaps[:10], Full: noClone, OneID: noClone},
			None, false, "not full", ""},
	} {
		r := Assess(tt.facts)
		if r.Rung != tt.rung || r.OuterProc != tt.outer || !strings.Contains(r.String(), tt.reason) {
			t.Errorf("%s: %s; want %s, outer /proc %t, %q", tt.place, r.String(), tt.rung, tt.outer, tt.reason)
		}
		if len(r.Rungs) != len(Ladder) {
			t.Errorf("%s: %d verdicts", tt.place, len(r.Rungs))
		}
		if above, ok := r.next(); ok && !strings.Contains(above.Mend, tt.mend) {
			t.Errorf("%s: mend %q, want %q", tt.place, above.Mend, tt.mend)
		}
		if text := r.RunError().Error(); tt.rung == None && !strings.Contains(text, "no chroot: ") {
			t.Errorf("%s: RUN says %q", tt.place, text)
		}
		for _, v := range r.Rungs {
			if !v.OK && (v.Reason == "" || v.Mend == "") {
				t.Errorf("%s: %s is not to be had, without a reason or a mend: %+v", tt.place, v.Rung, v)
			}
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Rung{"": "", "auto": "", "full": Full, "one-id": OneID, "chroot": Chroot, "none": None} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := Parse("docker"); err == nil || !strings.Contains(err.Error(), "auto, full, one-id, chroot or none") {
		t.Errorf("error %v", err)
	}
}
