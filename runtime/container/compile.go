package container

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// target is what a filter is compiled for. It has to be a little-endian machine.
type target struct {
	audit   uint32         // its AUDIT_ARCH
	numbers map[string]int // its system calls
	pretend bool           // those that one id alone cannot have are answered with success
	x32     bool           // it is x86-64, which shares its AUDIT_ARCH with x32
}

// x32Bit is set in the numbers of x32's system calls.
const x32Bit = 0x40000000

// Offsets in struct seccomp_data, see seccomp(2).
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// compile makes a filter of a resolved profile. System calls that the profile does not name get its default
// action, but those with a number beyond all that it names get ENOSYS, as runc does it: a program that probes
// for something newer than the profile has to see that it is not there, and not that it is forbidden.
// Names that the target does not know are left out.
func compile(profile *specs.LinuxSeccomp, t target) ([]bpf.Instruction, error) {
	fallback, err := verdict(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return nil, err
	}
	calls, last, err := collect(profile, t, fallback)
	if err != nil {
		return nil, err
	}
	if t.pretend {
		pretend(calls, t)
	}
	const noSuchCall = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: t.audit, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
	}
	if t.x32 {
		// -1 is no x32 call: a tracer puts it in to have a call skipped.
		program = append(program,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xffffffff, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32Bit, SkipTrue: 1},
			bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		)
	}
	program = append(program,
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: uint32(last), SkipTrue: 1},
		bpf.RetConstant{Val: noSuchCall},
	)
	return append(program, search(spans(calls, fallback))...), nil
}

// call is what the filter does with one system call: code that ends in a return whichever way it goes.
type call struct {
	code  []bpf.Instruction
	plain bool // code is a return and nothing else
}

func always(v uint32) call {
	return call{code: []bpf.Instruction{bpf.RetConstant{Val: v}}, plain: true}
}

// collect compiles the rules of each system call, and finds the last number that the profile names.
func collect(profile *specs.LinuxSeccomp, t target, fallback uint32) (calls map[int]call, last int, err error) {
	rules := map[int][]rule{}
	for _, group := range profile.Syscalls {
		v, err := verdict(group.Action, group.ErrnoRet)
		if err != nil {
			return nil, 0, err
		}
		for _, name := range group.Names {
			n, known := t.numbers[name]
			if !known {
				continue
			}
			last = max(last, n)
			if v != fallback {
				rules[n] = append(rules[n], alternatives(group.Args, v)...)
			}
		}
	}
	calls = map[int]call{}
	for n, alternatives := range rules {
		if calls[n], err = compileCall(alternatives, fallback); err != nil {
			return nil, 0, fmt.Errorf("system call %d: %w", n, err)
		}
	}
	return calls, last, nil
}

// span is a run of system call numbers, from first to before the next span's, that are treated alike.
type span struct {
	first int
	call  call
}

// spans divides all numbers.
func spans(calls map[int]call, fallback uint32) []span {
	out := []span{{0, always(fallback)}}
	add := func(first int, c call) {
		end := &out[len(out)-1]
		switch {
		case end.first == first:
			end.call = c
		case end.call.plain && c.plain && end.call.code[0] == c.code[0]:
		default:
			out = append(out, span{first, c})
		}
	}
	for _, n := range slices.Sorted(maps.Keys(calls)) {
		add(n, calls[n])
		add(n+1, always(fallback))
	}
	// A span that was replaced may have become like the one before it.
	return slices.CompactFunc(out, func(a, b span) bool {
		return a.call.plain && b.call.plain && a.call.code[0] == b.call.code[0]
	})
}

// search makes a binary search for the span that the loaded number is in.
func search(s []span) []bpf.Instruction {
	if len(s) == 1 {
		return s[0].call.code
	}
	middle := len(s) / 2
	low, high := search(s[:middle]), search(s[middle:])
	at := uint32(s[middle].first)
	var code []bpf.Instruction
	if len(low) <= 255 {
		code = []bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: at, SkipTrue: uint8(len(low))}}
	} else { // only an unconditional jump goes so far
		code = []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: at, SkipTrue: 1},
			bpf.Jump{Skip: uint32(len(low))},
		}
	}
	return append(append(code, low...), high...)
}
