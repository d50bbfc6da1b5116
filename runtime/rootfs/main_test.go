package rootfs

import (
	"os"
	"testing"

	"github.com/shbuild/shbuild/runtime/userns"
)

func TestMain(m *testing.M) {
	if os.Getenv(reownVar) != "" {
		reownOnly()
	}
	os.Exit(userns.Main(m.Run))
}
