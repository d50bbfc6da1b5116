package isolation_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/shbuild/shbuild/runtime/isolation"
)

// helper names the variable that makes this program a small one that enters and prints its report.
const helper = "SHBUILD_ISOLATION_TEST"

func TestMain(m *testing.M) {
	want, ok := os.LookupEnv(helper)
	if !ok {
		os.Exit(m.Run())
	}
	rung, err := isolation.Parse(want)
	if err != nil {
		panic(err)
	}
	status, err := isolation.Enter(isolation.Options{Want: rung, Root: -1}, func(r *isolation.Report) int {
		text, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s", text)
		return 0
	})
	if err != nil {
		fmt.Print(err)
		status = 3
	}
	os.Exit(status)
}

func enter(t *testing.T, want string, env ...string) (isolation.Report, string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", helper + "=" + want}, env...)
	out, err := cmd.Output()
	var r isolation.Report
	if err != nil {
		return r, string(out)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%s: %v: %s", want, err, out)
	}
	return r, ""
}

// TestEnter takes the best rung, or the one that is asked for.
func TestEnter(t *testing.T) {
	t.Parallel()
	if r, said := enter(t, "auto"); r.Rung != isolation.Full || r.Forced || r.Facts != nil || said != "" {
		t.Errorf("auto: %+v %s", r, said)
	}
	for _, rung := range []isolation.Rung{isolation.Full, isolation.OneID, isolation.None} {
		r, said := enter(t, string(rung))
		if r.Rung != rung || !r.Forced || said != "" {
			t.Errorf("%s: %+v %s", rung, r, said)
		}
		if rung == isolation.OneID && r.IDs != "one id" {
			t.Errorf("%s: ids %q", rung, r.IDs)
		}
	}
}

// TestImpossible asks for a rung that cannot be had.
func TestImpossible(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may use a chroot")
	}
	_, said := enter(t, "chroot")
	if want := "isolation chroot: it is for root in a container, and this is not root"; said != want {
		t.Errorf("said %q, want %q", said, want)
	}
}

// TestLook sees the facts of this place.
func TestLook(t *testing.T) {
	f := isolation.Look()
	if !f.Full.OK || !f.OneID.OK || f.UID != os.Getuid() || f.Kernel == "" || f.Sysctls["user.max_user_namespaces"] == "" {
		t.Errorf("%+v", f)
	}
	if os.Getuid() != 0 && f.NewUIDMap.Gain == "" {
		t.Errorf("newuidmap: %+v", f.NewUIDMap)
	}
}
