package container

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
)

// rule gives a verdict on a system call whose arguments meet all of the conditions.
type rule struct {
	conditions []specs.LinuxSeccompArg
	verdict    uint32
}

// alternatives makes the rules of one entry of a profile. Conditions on different arguments must all be met;
// when an entry has several on one argument, runc takes each condition for a rule of its own, and so do we.
func alternatives(args []specs.LinuxSeccompArg, v uint32) []rule {
	seen := map[uint]bool{}
	for _, a := range args {
		if !seen[a.Index] {
			seen[a.Index] = true
			continue
		}
		out := make([]rule, len(args))
		for i := range args {
			out[i] = rule{args[i : i+1], v}
		}
		return out
	}
	return []rule{{args, v}}
}

// compileCall makes the code for a system call: the first rule that is met, else the fallback. A rule without
// conditions wins over all others, as in libseccomp.
func compileCall(rules []rule, fallback uint32) (call, error) {
	var code []bpf.Instruction
	for _, r := range rules {
		if len(r.conditions) == 0 {
			return always(r.verdict), nil
		}
		c, err := compileRule(r)
		if err != nil {
			return call{}, err
		}
		code = append(code, c...)
	}
	return call{code: append(code, bpf.RetConstant{Val: fallback})}, nil
}

// compileRule makes code that returns the verdict, or goes on behind its end when a condition is not met.
func compileRule(r rule) ([]bpf.Instruction, error) {
	var tests []test
	for _, a := range r.conditions {
		t, err := compileCondition(a)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t...)
	}
	if len(tests) > 254 {
		return nil, fmt.Errorf("%d instructions for one rule are too many", len(tests))
	}
	code := make([]bpf.Instruction, 0, len(tests)+1)
	for i, t := range tests {
		code = append(code, t.place(len(tests)-i))
	}
	return append(code, bpf.RetConstant{Val: r.verdict}), nil
}

// test is one instruction of a condition, before its place in the rule is known.
type test struct {
	plain bpf.Instruction // not a jump
	jump  bpf.JumpTest    // else: compare the loaded half of the argument …
	value uint32          // … with this and, if that is so,
	fail  bool            // go to the end of the rule,
	skip  uint8           // or over this many instructions
}

// place gives the instruction; the end of the rule is this many instructions on.
func (t test) place(end int) bpf.Instruction {
	if t.plain != nil {
		return t.plain
	}
	skip := t.skip
	if t.fail {
		skip = uint8(end)
	}
	return bpf.JumpIf{Cond: t.jump, Val: t.value, SkipTrue: skip}
}

// compileCondition makes the tests of one condition. The machine has 32 bits and the arguments have 64, so the
// upper half is looked at first.
func compileCondition(a specs.LinuxSeccompArg) ([]test, error) {
	if a.Index > 5 {
		return nil, fmt.Errorf("argument %d does not exist", a.Index)
	}
	low := test{plain: bpf.LoadAbsolute{Off: offArgs + 8*uint32(a.Index), Size: 4}}
	high := test{plain: bpf.LoadAbsolute{Off: offArgs + 8*uint32(a.Index) + 4, Size: 4}}
	lv, hv := uint32(a.Value), uint32(a.Value>>32)
	fail := func(j bpf.JumpTest, v uint32) test { return test{jump: j, value: v, fail: true} }
	// order decides by the upper half unless the halves are equal.
	order := func(met, lowFails bpf.JumpTest) []test {
		return []test{
			high,
			{jump: met, value: hv, skip: 3},
			fail(bpf.JumpNotEqual, hv),
			low,
			fail(lowFails, lv),
		}
	}
	switch a.Op {
	case specs.OpEqualTo:
		return []test{high, fail(bpf.JumpNotEqual, hv), low, fail(bpf.JumpNotEqual, lv)}, nil
	case specs.OpNotEqual:
		return []test{high, {jump: bpf.JumpNotEqual, value: hv, skip: 2}, low, fail(bpf.JumpEqual, lv)}, nil
	case specs.OpMaskedEqual: // Value is the mask
		want := a.ValueTwo
		mask := func(v uint32) test { return test{plain: bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: v}} }
		return []test{
			high, mask(hv), fail(bpf.JumpNotEqual, uint32(want>>32)),
			low, mask(lv), fail(bpf.JumpNotEqual, uint32(want)),
		}, nil
	case specs.OpGreaterThan:
		return order(bpf.JumpGreaterThan, bpf.JumpLessOrEqual), nil
	case specs.OpGreaterEqual:
		return order(bpf.JumpGreaterThan, bpf.JumpLessThan), nil
	case specs.OpLessThan:
		return order(bpf.JumpLessThan, bpf.JumpGreaterOrEqual), nil
	case specs.OpLessEqual:
		return order(bpf.JumpLessThan, bpf.JumpGreaterThan), nil
	}
	return nil, fmt.Errorf("comparison %s is not known", a.Op)
}
