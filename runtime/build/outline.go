package build

import (
	"cmp"
	"maps"
	"path"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/instr"
)

// Outline is what a target of a plain Dockerfile can be given.
type Outline struct {
	Name        string // the target's; empty: it has none
	Description string
	Args        []OutlineArg   // that it uses, in the order of their lines
	Secrets     []OutlineMount // by --mount=type=secret
	SSH         []OutlineMount // by --mount=type=ssh
}

// OutlineArg is an ARG.
type OutlineArg struct {
	Name, Value, Description string
	Line, EndLine            int
}

// OutlineMount is a secret or an agent's socket.
type OutlineMount struct {
	Name          string
	Required      bool
	Line, EndLine int
}

// declared is an ARG, and the global ARGs that its default is made of.
type declared struct {
	name string
	arg  OutlineArg
	deps []string
}

// outline is what one stage uses. Its maps are its own.
type outline struct {
	args    map[string]declared
	used    map[string]bool
	secrets map[string]OutlineMount
	ssh     map[string]OutlineMount
	given   func(name string) bool // says whether there is a --build-arg
}

// newOutline begins a stage's outline: with what its base stage has, or with
// the global ARGs.
func (p *plain) newOutline(base *plannedStage) outline {
	o := outline{args: map[string]declared{}, used: map[string]bool{}, secrets: map[string]OutlineMount{}, ssh: map[string]OutlineMount{}}
	o.given = func(name string) bool { _, ok := p.b.opts.BuildArgs[name]; return ok }
	if base != nil {
		maps.Copy(o.args, base.outline.args)
		maps.Copy(o.used, base.outline.used)
		return o
	}
	for _, a := range p.args {
		o.args[a.name] = a
	}
	return o
}

// use notes the variables that FROM names.
func (o *outline) use(names map[string]struct{}) {
	for name := range names {
		o.used[name] = true
	}
}

// declaredGlobals are the ARGs of an instruction before the first FROM.
func (p *plain) declaredGlobals(at place, c *instructions.ArgCommand, before *stage) []declared {
	var out []declared
	for _, a := range c.Args {
		d := declared{name: a.Key, arg: outlineArg(at, a)}
		d.arg.Value, _ = p.start.globals.Get(a.Key)
		if _, given := p.b.opts.BuildArgs[a.Key]; a.Value != nil && !given {
			m, err := instr.WordNoting(*a.Value, before.globals, p.b.escape)
			if err == nil {
				d.deps = slices.Collect(maps.Keys(m.Matched))
			}
			if slices.Contains(d.deps, a.Key) { // it is made of its former self
				d.deps = append(d.deps, lastDeps(append(slices.Clone(p.args), out...), a.Key)...)
			}
		}
		out = append(out, d)
	}
	return out
}

func lastDeps(args []declared, name string) []string {
	for _, a := range slices.Backward(args) {
		if a.name == name {
			return a.deps
		}
	}
	return nil
}

func outlineArg(at place, a instructions.KeyValuePairOptional) OutlineArg {
	return OutlineArg{Name: a.Key, Value: a.ValueString(), Description: a.DocComment, Line: at.span.Start.Line, EndLine: at.span.End.Line}
}

// seen notes an instruction that was carried out, in its expanded form.
func (o *outline) seen(at place, cmd any, before, after *stage) {
	switch c := cmd.(type) {
	case *instructions.ArgCommand:
		for i, a := range after.args[len(before.args):] {
			_, global := before.globals.Get(a.Key)
			if c.Args[i].Value != nil || o.given(a.Key) || !global {
				o.args[a.Key] = declared{name: a.Key, arg: outlineArg(at, a)}
			}
			o.used[a.Key] = true
		}
	case *instructions.RunCommand:
		for _, m := range instructions.GetMounts(c) {
			switch m.Type {
			case instructions.MountTypeSecret:
				o.mount(o.secrets, at, cmp.Or(m.Source, m.CacheID, path.Base(m.Target)), m.Required)
			case instructions.MountTypeSSH:
				o.mount(o.ssh, at, cmp.Or(m.CacheID, "default"), m.Required)
			}
		}
	}
}

func (o *outline) mount(in map[string]OutlineMount, at place, name string, required bool) {
	if _, ok := in[name]; !ok {
		in[name] = OutlineMount{Name: name, Required: required, Line: at.span.Start.Line, EndLine: at.span.End.Line}
	}
}

// outlined puts together what a stage and those that it needs use.
func (p *plain) outlined(target *plannedStage) *Outline {
	out := &Outline{Name: target.from.Name, Description: target.from.DocComment}
	seen := map[string]bool{}
	secrets, ssh := map[string]OutlineMount{}, map[string]OutlineMount{}
	for _, s := range p.reachable(target) {
		o := s.outline
		o.useDeps()
		for name := range o.used {
			if a, ok := o.args[name]; ok && !seen[name] {
				seen[name] = true
				out.Args = append(out.Args, a.arg)
			}
		}
		addMissing(secrets, o.secrets)
		addMissing(ssh, o.ssh)
	}
	slices.SortFunc(out.Args, func(a, b OutlineArg) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	out.Secrets, out.SSH = byLine(secrets), byLine(ssh)
	return out
}

// useDeps marks the ARGs that used ones are made of.
func (o *outline) useDeps() {
	todo := slices.Collect(maps.Keys(o.used))
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		for _, dep := range o.args[name].deps {
			if !o.used[dep] {
				o.used[dep] = true
				todo = append(todo, dep)
			}
		}
	}
}

func addMissing(to, from map[string]OutlineMount) {
	for name, m := range from {
		if _, ok := to[name]; !ok {
			to[name] = m
		}
	}
}

func byLine(mounts map[string]OutlineMount) []OutlineMount {
	return slices.SortedFunc(maps.Values(mounts), func(a, b OutlineMount) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
}
