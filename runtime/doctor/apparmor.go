package doctor

import "fmt"

// AppArmorProfile is a profile by which a program may make user namespaces where AppArmor keeps others from it, as
// Ubuntu's does since 23.10; path is the program's, and may have AppArmor's patterns. It confines nothing.
func AppArmorProfile(path string) string {
	return fmt.Sprintf(`# Lets shbuild make user namespaces where kernel.apparmor_restrict_unprivileged_userns is 1. It confines nothing.
abi <abi/4.0>,
include <tunables/global>

profile shbuild %s flags=(unconfined) {
  userns,

  include if exists <local/shbuild>
}
`, path)
}
