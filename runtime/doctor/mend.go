package doctor

import (
	"fmt"

	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/userns"
)

// mend says what reaches a rung that cannot be had, in the terms of the place.
func (f *Facts) mend(v isolation.Verdict) string {
	switch v.Cause {
	case userns.Seccomp:
		return f.Place.option("--security-opt seccomp=unconfined", "--security-opt seccomp=unconfined",
			"securityContext.seccompProfile: {type: Unconfined}, or Localhost with shbuild's profile (examples/kubernetes)",
			"what started this filters system calls: leave that out (systemd: RestrictNamespaces=, SystemCallFilter=)")
	case userns.AppArmor:
		return f.Place.option("--security-opt apparmor=unconfined", "--security-opt apparmor=unconfined",
			"securityContext.appArmorProfile: {type: Unconfined}, or Localhost with shbuild's profile (examples/kubernetes)",
			"allow it in that profile: \"userns,\" and \"mount,\"")
	case userns.NoNewPrivs:
		return f.Place.option("without --security-opt no-new-privileges", "without --security-opt no-new-privileges",
			"securityContext.allowPrivilegeEscalation: true; or hostUsers: false and runAsUser: 0, which needs none",
			"start it without (systemd: NoNewPrivileges=no; sudo and su do not set it)")
	case userns.CloneSysctl, userns.LimitSysctl, userns.AppArmorSysctl:
		return f.Place.outside(v.Mend)
	case userns.NoProgram:
		return f.Place.image(v.Mend)
	case userns.NoRanges:
		if f.Place != Host {
			return fmt.Sprintf("in the image: echo %d:%s | tee -a /etc/subuid /etc/subgid", f.Isolation.UID, f.freeRange())
		}
	case userns.NoGain:
		return f.Place.image(v.Mend)
	}
	return v.Mend
}

// freeRange is a range for /etc/subuid. In a user namespace there are most often 65536 ids.
func (f *Facts) freeRange() string {
	if f.Isolation.InUserNS {
		return "10000:50000"
	}
	return "100000:65536"
}
