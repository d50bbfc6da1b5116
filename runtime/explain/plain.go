package explain

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// plain explains a plain Dockerfile: from its text alone it is known what every instruction will find.
func (x *explaining) plain() {
	p := &plain{explaining: x, globals: x.platformArgs()}
	needed := p.need()
	var s *stage
	for _, in := range x.file.Instructions {
		cmd, err := instr.Parse(in.Text, x.file.Escape)
		if err != nil {
			x.fail(in, err)
			continue
		}
		l := x.begin(in)
		switch c := cmd.(type) {
		case *instructions.Stage:
			s = p.from(l, in, c)
			s.needed = needed[s.number]
		case *instructions.ArgCommand:
			if s == nil {
				p.global(l, in, c)
				break
			}
			p.arg(l, in, s, c)
		default:
			if s == nil {
				x.fail(in, errors.New("there is no stage yet: FROM comes first"))
				continue
			}
			if cmd, err = p.expanded(l, s, cmd); err != nil {
				x.fail(in, err)
				continue
			}
			x.instruction(l, s, cmd)
		}
		if s != nil && !s.needed && len(l.Facts) > 0 {
			l.Facts = []Fact{{"note", "not carried out: the target does not need this stage"}}
		}
		x.lines = append(x.lines, *l)
	}
	if s == nil && len(x.errs) == 0 {
		x.errs = append(x.errs, fmt.Errorf("%s: no FROM in it: nothing to build", x.file.Source.Name))
	}
	p.result()
}

// plain is a plain Dockerfile that is being explained.
type plain struct {
	*explaining
	globals variables
	stages  []*stage
}

// platformArgs are the ARGs that are there without being declared.
func (x *explaining) platformArgs() variables {
	host := platforms.DefaultSpec()
	target := host
	if p, err := platforms.Parse(x.options.Platform); x.options.Platform != "" && err == nil {
		target = p
	}
	var v variables
	for _, kv := range [][2]string{
		{"BUILDPLATFORM", platforms.Format(host)}, {"BUILDOS", host.OS}, {"BUILDARCH", host.Architecture}, {"BUILDVARIANT", host.Variant},
		{"TARGETPLATFORM", platforms.Format(target)}, {"TARGETOS", target.OS}, {"TARGETARCH", target.Architecture}, {"TARGETVARIANT", target.Variant},
	} {
		v = v.set(kv[0], kv[1])
	}
	return v
}

// need finds the stages, by number, that the target is made of.
func (p *plain) need() map[int]bool {
	type found struct {
		name string
		uses []string
	}
	var stages []found
	for _, in := range p.file.Instructions {
		cmd, err := instr.Parse(in.Text, p.file.Escape)
		if err != nil {
			continue
		}
		switch c := cmd.(type) {
		case *instructions.Stage:
			stages = append(stages, found{c.Name, []string{c.BaseName}})
			continue
		case *instructions.CopyCommand:
			if n := len(stages); n > 0 && c.From != "" {
				stages[n-1].uses = append(stages[n-1].uses, c.From)
			}
		case *instructions.RunCommand:
			for _, m := range instructions.GetMounts(c) {
				if n := len(stages); n > 0 && m.From != "" {
					stages[n-1].uses = append(stages[n-1].uses, m.From)
				}
			}
		}
	}
	needed := map[int]bool{}
	var visit func(i int)
	find := func(name string, before int) int {
		for i := before - 1; i >= 0; i-- {
			if stages[i].name != "" && strings.EqualFold(stages[i].name, name) || strconv.Itoa(i) == name {
				return i
			}
		}
		return -1
	}
	visit = func(i int) {
		if i < 0 || needed[i] {
			return
		}
		needed[i] = true
		for _, name := range stages[i].uses {
			visit(find(name, i))
		}
	}
	target := len(stages) - 1
	if p.options.Target != "" {
		if target = find(p.options.Target, len(stages)); target < 0 {
			p.errs = append(p.errs, fmt.Errorf("--target %s: there is no stage of that name", p.options.Target))
		}
	}
	visit(target)
	return needed
}

// expanded is the instruction with its variables' values, where they are all known.
func (p *plain) expanded(l *Line, s *stage, cmd any) (any, error) {
	look := &lookup{vars: s.vars}
	out, err := instr.Expand(cmd, look, p.file.Escape)
	if err != nil {
		return nil, err
	}
	if look.missing && !s.known {
		l.say("note", "it has variables that the file does not set: they are the base's, or empty; the operands stand here as they are written")
		return cmd, nil
	}
	return out, nil
}

func (p *plain) from(l *Line, in *syntax.Instruction, c *instructions.Stage) *stage {
	s := &stage{name: c.Name, number: len(p.stages)}
	p.stages = append(p.stages, s)
	name, err := instr.Word(c.BaseName, &lookup{vars: p.globals}, p.file.Escape)
	if err != nil {
		p.fail(in, err)
		return s
	}
	title := fmt.Sprintf("stage %d", s.number)
	if s.name != "" {
		title += ", named " + s.name + " for later FROM and --from"
	}
	l.say("stage", "%s begins", title)
	for _, other := range slices.Backward(p.stages[:s.number]) {
		if other.name != "" && strings.EqualFold(other.name, name) {
			number, title := s.number, s.name
			*s = *other
			s.number, s.name, s.cwd, s.memory = number, title, "", ""
			s.below, s.vars, s.args = slices.Clip(s.below), slices.Clip(s.vars), slices.Clip(s.args)
			l.say("layer", "none: it goes on with stage %d's files and configuration (%s)", other.number, other.stack())
			return s
		}
	}
	p.base(l, s, name, c.Platform)
	return s
}

// global explains an ARG before the first FROM.
func (p *plain) global(l *Line, in *syntax.Instruction, c *instructions.ArgCommand) {
	for _, a := range c.Args {
		value, from, err := p.value(a, p.globals)
		if err != nil {
			p.fail(in, err)
			return
		}
		if value != nil {
			p.globals = p.globals.set(a.Key, *value)
			l.say("config", "none; FROM lines see %s=%s (%s)", a.Key, *value, from)
		} else {
			l.say("config", "none; FROM lines would see %s, had it a value: --build-arg gives it one", a.Key)
		}
	}
}

// value is an ARG's value, and where it is from.
func (p *plain) value(a instructions.KeyValuePairOptional, vars variables) (*string, string, error) {
	if v, ok := p.options.BuildArgs[a.Key]; ok {
		return &v, "by --build-arg", nil
	}
	if a.Value == nil {
		for _, kv := range p.globals {
			if kv.Key == a.Key {
				return &kv.Value, "from the global ARG", nil
			}
		}
		return nil, "", nil
	}
	v, err := instr.Word(*a.Value, &lookup{vars: vars}, p.file.Escape)
	return &v, "its default", err
}

func (p *plain) arg(l *Line, in *syntax.Instruction, s *stage, c *instructions.ArgCommand) {
	for _, a := range c.Args {
		value, from, err := p.value(a, s.vars)
		if err != nil {
			p.fail(in, err)
			return
		}
		s.args = append(slices.Clip(s.args), a.Key)
		if value == nil {
			l.say("config", "a history entry only; %s has no value", a.Key)
			continue
		}
		s.vars = s.vars.set(a.Key, *value)
		l.say("config", "a history entry only, but %s=%s (%s) shows in it", a.Key, *value, from)
	}
	l.say("key", "the RUNs that follow in this stage see it in their environment, so it is part of their keys")
}

// result says what becomes of the target.
func (p *plain) result() {
	if len(p.lines) == 0 || len(p.stages) == 0 {
		return
	}
	target := p.stages[len(p.stages)-1]
	for _, s := range p.stages {
		if p.options.Target != "" && strings.EqualFold(s.name, p.options.Target) {
			target = s
		}
	}
	last := &p.lines[len(p.lines)-1]
	last.say("result", "stage %d: an image of the layers %s, each as a tar and its digest, made only if an output needs them", target.number, strings.Join(target.below, ", "))
	unused := []string{}
	for _, name := range slices.Sorted(maps.Keys(p.options.BuildArgs)) {
		if !p.asked(name) {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		last.say("note", "no ARG asks for the --build-arg %s", strings.Join(unused, ", "))
	}
}

func (p *plain) asked(name string) bool {
	for _, in := range p.file.Instructions {
		cmd, _ := instr.Parse(in.Text, p.file.Escape)
		if c, ok := cmd.(*instructions.ArgCommand); ok && slices.ContainsFunc(c.Args, func(a instructions.KeyValuePairOptional) bool { return a.Key == name }) {
			return true
		}
	}
	return false
}
