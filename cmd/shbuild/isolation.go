package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/runtime/isolation"
)

// isolationVariable is what --isolation is by default.
const isolationVariable = "SHBUILD_ISOLATION"

func isolationFlag(fs *pflag.FlagSet, rung *string) {
	fs.StringVar(rung, "isolation", "", "how RUN is cut off: `auto|full|one-id|chroot|none` (default $"+isolationVariable+", else auto: the best that this place allows)")
}

// wantedIsolation reads --isolation, else the variable.
func wantedIsolation(flag string) (isolation.Rung, error) {
	rung, err := isolation.Parse(cmp.Or(flag, os.Getenv(isolationVariable)))
	switch {
	case err == nil:
		return rung, nil
	case flag != "":
		return "", fmt.Errorf("--%w", err)
	}
	return "", fmt.Errorf("%s: %w", isolationVariable, err)
}
