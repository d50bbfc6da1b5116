package container

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

// In a user namespace with one id nobody can be given a file, and nobody else can be become. Package managers do both
// and give up when it fails, so there the filter answers these system calls itself: they did nothing, and succeeded.
// The idea is Charliecloud's (Priedhorsky, Randles and Olivas, arXiv 2405.06085). A program that looks whether it
// really is another user now, as apt does, has to be told otherwise (see aptConfig).

// pretended are the system calls that are answered always. Which of them there are depends on the processor.
var pretended = []string{
	"chown", "fchown", "lchown", "fchownat", "chown32", "fchown32", "lchown32",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid",
	"setuid32", "setgid32", "setreuid32", "setregid32", "setresuid32", "setresgid32", "setgroups32", "setfsuid32", "setfsgid32",
	"capset",
}

// pretendedNodes are answered when they are to make a device, by the number of the argument with the kind.
var pretendedNodes = map[string]uint32{"mknod": 1, "mknodat": 2}

// pretends says whether a container's changes of owner are pretended.
func pretends(spec *sandbox.Spec) bool {
	return spec.Isolation != nil && spec.Isolation.Rung == isolation.OneID
}

// pretend replaces what a filter does with the pretended system calls.
func pretend(calls map[int]call, t target) {
	const done = unix.SECCOMP_RET_ERRNO // with 0
	for _, name := range pretended {
		if n, known := t.numbers[name]; known {
			calls[n] = always(done)
		}
	}
	for name, argument := range pretendedNodes {
		n, known := t.numbers[name]
		if !known {
			continue
		}
		rest := always(unix.SECCOMP_RET_ALLOW)
		if c, ruled := calls[n]; ruled {
			rest = c
		}
		calls[n] = call{code: append([]bpf.Instruction{
			bpf.LoadAbsolute{Off: offArgs + 8*argument, Size: 4},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: unix.S_IFMT},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.S_IFCHR, SkipTrue: 1},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.S_IFBLK, SkipTrue: 1},
			bpf.RetConstant{Val: done},
		}, rest.code...)}
	}
}
