package container

import (
	"fmt"
	"runtime"

	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// dockerFilter compiles Docker's default seccomp profile for a container with these capabilities, for the
// processor that this executable is built for. Programs of others (32-bit ones too) are killed at their first
// system call: three compiled architectures would cost every start of a container more than all the rest.
func dockerFilter(caps []string, pretend bool) ([]bpf.RawInstruction, error) {
	profile, err := seccomp.GetDefaultProfile(&specs.Spec{Process: &specs.Process{
		Capabilities: &specs.LinuxCapabilities{Bounding: caps},
	}})
	if err != nil {
		return nil, fmt.Errorf("read the seccomp profile: %w", err)
	}
	return compiled(profile, pretend)
}

// pretendingAlone is a filter that forbids nothing.
func pretendingAlone() ([]bpf.RawInstruction, error) {
	info, err := arch.GetInfo(runtime.GOARCH)
	if err != nil {
		return nil, fmt.Errorf("compile a seccomp filter: %w", err)
	}
	all := specs.LinuxSyscall{Action: specs.ActAllow}
	for name := range info.SyscallNames {
		all.Names = append(all.Names, name)
	}
	return compiled(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{all}}, true)
}

// compiled compiles a profile for this processor.
func compiled(profile *specs.LinuxSeccomp, pretend bool) ([]bpf.RawInstruction, error) {
	info, err := arch.GetInfo(runtime.GOARCH)
	if err != nil {
		return nil, fmt.Errorf("compile the seccomp profile: %w", err)
	}
	program, err := compile(profile, target{audit: uint32(info.ID), numbers: info.SyscallNames, pretend: pretend, x32: runtime.GOARCH == "amd64"})
	if err != nil {
		return nil, fmt.Errorf("compile the seccomp profile: %w", err)
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("compile the seccomp profile: %w", err)
	}
	if len(raw) > maxFilter {
		return nil, fmt.Errorf("compile the seccomp profile: %d instructions are too many", len(raw))
	}
	return raw, nil
}

// verdict is a seccomp return value.
func verdict(action specs.LinuxSeccompAction, errno *uint) (uint32, error) {
	switch action {
	case specs.ActAllow:
		return unix.SECCOMP_RET_ALLOW, nil
	case specs.ActErrno:
		n := uint32(unix.EPERM)
		if errno != nil {
			n = uint32(*errno)
		}
		return unix.SECCOMP_RET_ERRNO | n&unix.SECCOMP_RET_DATA, nil
	case specs.ActKill, specs.ActKillThread:
		return unix.SECCOMP_RET_KILL_THREAD, nil
	case specs.ActKillProcess:
		return unix.SECCOMP_RET_KILL_PROCESS, nil
	}
	return 0, fmt.Errorf("action %s is not known", action)
}
