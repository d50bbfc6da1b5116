package buildctx

import (
	"os"
	"testing"

	"github.com/shbuild/shbuild/runtime/userns"
)

func TestMain(m *testing.M) { os.Exit(userns.Main(m.Run)) }
