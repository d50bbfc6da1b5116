package userns_test

import (
	"os"
	"testing"

	"github.com/shbuild/shbuild/runtime/userns"
)

func TestMain(m *testing.M) {
	os.Exit(userns.Main(m.Run))
}

func TestEnter(t *testing.T) {
	t.Parallel()
	if !userns.Inside() || os.Getpid() != 1 || os.Geteuid() != 0 {
		t.Errorf("Inside() = %t, pid %d, uid %d", userns.Inside(), os.Getpid(), os.Geteuid())
	}
	t.Log(userns.Mode())
}
