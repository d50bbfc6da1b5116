package container

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// decide says what a filter does with a system call.
func decide(t *testing.T, filter []bpf.RawInstruction, name string, args ...uint32) uint32 {
	t.Helper()
	info, err := arch.GetInfo(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	n, known := info.SyscallNames[name]
	if !known {
		t.Skipf("%s has no %s", runtime.GOARCH, name)
	}
	program, ok := bpf.Disassemble(filter)
	if !ok {
		t.Fatal("the filter has instructions that nobody knows")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	// The machine of this package reads big-endian numbers, the kernel's its own: no more than 32 bits of each
	// argument are looked at here, at the place where a little-endian machine has them.
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[offNumber:], uint32(n))
	binary.BigEndian.PutUint32(data[offArch:], uint32(info.ID))
	for i, a := range args {
		binary.BigEndian.PutUint32(data[offArgs+8*i:], a)
	}
	verdict, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(verdict)
}

// TestPretend: with one id, changes of owner succeed and do nothing; all else is as in Docker's profile.
func TestPretend(t *testing.T) {
	caps := []string{"CAP_CHOWN", "CAP_MKNOD", "CAP_SETUID"}
	plain, err := dockerFilter(caps, false)
	if err != nil {
		t.Fatal(err)
	}
	pretending, err := dockerFilter(caps, true)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := pretendingAlone()
	if err != nil {
		t.Fatal(err)
	}
	const (
		allow = unix.SECCOMP_RET_ALLOW
		done  = unix.SECCOMP_RET_ERRNO
		eperm = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	)
	for _, tt := range []struct {
		call                     string
		args                     []uint32
		plain, pretending, alone uint32
	}{
		{"fchownat", nil, allow, done, done},
		{"fchown", nil, allow, done, done},
		{"setresuid", []uint32{5, 5, 5}, allow, done, done},
		{"setgroups", nil, allow, done, done},
		{"capset", nil, allow, done, done},
		{"mknodat", []uint32{0, 0, unix.S_IFCHR | 0o600}, allow, done, done},
		{"mknodat", []uint32{0, 0, unix.S_IFBLK | 0o600}, allow, done, done},
		{"mknodat", []uint32{0, 0, unix.S_IFIFO | 0o600}, allow, allow, allow},
		{"mknodat", []uint32{0, 0, unix.S_IFREG | 0o600}, allow, allow, allow},
		{"read", nil, allow, allow, allow},
		{"fchmodat", nil, allow, allow, allow},
		{"kexec_load", nil, eperm, eperm, allow},
	} {
		for _, f := range []struct {
			name   string
			filter []bpf.RawInstruction
			want   uint32
		}{{"plain", plain, tt.plain}, {"pretending", pretending, tt.pretending}, {"pretending alone", alone, tt.alone}} {
			if got := decide(t, f.filter, tt.call, tt.args...); got != f.want {
				t.Errorf("%s %v, %s: %#x, want %#x", tt.call, tt.args, f.name, got, f.want)
			}
		}
	}
}
