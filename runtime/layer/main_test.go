package layer

import (
	"os"
	"slices"
	"testing"

	"github.com/shbuild/shbuild/runtime/userns"
)

func TestMain(m *testing.M) {
	// The fuzzer's workers are started inside, and talk to it by open files, which Main does not hand on.
	if slices.Contains(os.Args, "-test.fuzzworker") {
		os.Exit(m.Run())
	}
	os.Exit(userns.Main(m.Run))
}
