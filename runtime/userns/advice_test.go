package userns

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Each error says what was being done, and what can be done about it.
func TestAdvice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain, setuid := filepath.Join(dir, "newuidmap"), filepath.Join(dir, "newgidmap")
	for _, f := range []string{plain, setuid} {
		if err := os.WriteFile(f, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(setuid, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("exit status 1")
	for _, tt := range []struct {
		err     error
		message string
		advice  string
		is      error
	}{
		{noRanges("bob", "/etc/subgid"), "map user ids: /etc/subgid has no range of ids for bob", "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 bob", nil},
		{noProgram("newuidmap"), "map user ids: newuidmap is not installed", "apt-get install uidmap", nil},
		{programFailed(plain, "newuidmap: Operation not permitted\n", failed), "map user ids: " + plain + ": exit status 1: newuidmap: Operation not permitted", "chmod u+s " + plain, failed},
		{programFailed(setuid, "", failed), "map user ids: " + setuid + ": exit status 1", "overlap nobody else's", failed},
		{programFailed("/proc/self/exe-is-missing", "", failed), "exit status 1", "/etc/subuid", failed},
		{maps{}.cannotMap(unix.EPERM), "write the id map: operation not permitted", "CAP_SETFCAP", unix.EPERM},
		{cannotClone(unix.ENOSPC), "make a user namespace: no space left on device", "sudo sysctl -w ", unix.ENOSPC},
		{cannotClone(unix.EPERM), "make a user namespace: operation not permitted", "", unix.EPERM},
		{cannotClone(unix.EINVAL), "make a user namespace: invalid argument", "", unix.EINVAL},
		{maps{alone: true}.cannotMap(unix.EPERM), "write the id map: operation not permitted", "", unix.EPERM},
		{refused("become user 0|22"), "become user 0 in the user namespace: invalid argument", "", unix.EINVAL},
	} {
		var e *Error
		if !errors.As(tt.err, &e) || !strings.Contains(e.Error(), tt.message) || tt.is != nil && !errors.Is(e, tt.is) {
			t.Errorf("error %v, want %q", tt.err, tt.message)
			continue
		}
		if e.Hint() == "" || !strings.Contains(e.Hint(), tt.advice) {
			t.Errorf("%v\nhint %q, want %q", e, e.Hint(), tt.advice)
		}
	}
}

func TestNosuid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, 0)
	program := filepath.Join(dir, "newuidmap")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(program, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := programFailed(program, "", unix.EPERM); !errors.As(err, &e) || !strings.Contains(e.Hint(), "mounted nosuid") {
		t.Errorf("%v, hint %q", e, e.Hint())
	}
}

// The inner process tells its errors by number, and the outer one makes words of them.
func TestFailure(t *testing.T) {
	t.Parallel()
	answer := failure("become user 0", os.NewSyscallError("setresuid", unix.EINVAL)).Error()
	if answer != "become user 0|22" {
		t.Errorf("answer %q", answer)
	}
	var out bytes.Buffer
	report(&out, refused(answer))
	first, hint, _ := strings.Cut(out.String(), "\n")
	if first != "shbuild: become user 0 in the user namespace: invalid argument" || !strings.HasPrefix(hint, "hint: ") {
		t.Errorf("reported %q", out.String())
	}
}

// A cause is told where there is one, for who knows the place.
func TestCause(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want Cause
	}{
		{noRanges("bob", "/etc/subgid"), NoRanges},
		{noProgram("newuidmap"), NoProgram},
		{cannotClone(unix.ENOSPC), LimitSysctl},
		{maps{}.cannotMap(unix.EPERM), RootCaps},
		{programFailed("/usr/bin/env", "", unix.EPERM), NoGain},
	} {
		var e *Error
		if !errors.As(tt.err, &e) || e.Cause != tt.want {
			t.Errorf("%v: cause %q, want %q", tt.err, e.Cause, tt.want)
		}
	}
	const want = "chmod u-s /usr/bin/new?idmap && setcap cap_setuid=ep /usr/bin/newuidmap && setcap cap_setgid=ep /usr/bin/newgidmap"
	if got := setcaps("/usr/bin/newgidmap"); got != want {
		t.Errorf("%s", got)
	}
}
