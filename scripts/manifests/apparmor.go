package main

import "os"

// hasAppArmor says whether this machine's kernel uses it. Where it does not, a runtime of containers refuses a profile.
func hasAppArmor() bool {
	on, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && len(on) > 0 && on[0] == 'Y'
}
