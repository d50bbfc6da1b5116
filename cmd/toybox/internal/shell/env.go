package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// environ is the environment that a shell starts with. PATH has a value always, and GID is an
// ordinary variable: the interpreter makes a read-only one of it where it is not set.
func environ(list []string) expand.Environ {
	e := &initial{Environ: expand.ListEnviron(list...), extra: map[string]expand.Variable{}}
	for name, value := range map[string]string{"PATH": applet.DefaultPath, "GID": ""} {
		if !e.Environ.Get(name).IsSet() {
			e.extra[name] = expand.Variable{Set: true, Kind: expand.String, Str: value}
		}
	}
	return e
}

// initial adds variables that are not exported to an environment.
type initial struct {
	expand.Environ
	extra map[string]expand.Variable
}

func (e *initial) Get(name string) expand.Variable {
	if v, ok := e.extra[name]; ok {
		return v
	}
	return e.Environ.Get(name)
}

func (e *initial) Each(fn func(string, expand.Variable) bool) {
	for name, v := range e.extra {
		if !fn(name, v) {
			return
		}
	}
	e.Environ.Each(fn)
}

// exported is the environment of a command, PWD included, sorted.
func exported(hc interp.HandlerContext) []string {
	last := map[string]string{}
	for name, v := range hc.Env.Each {
		delete(last, name)
		if v.IsSet() && v.Exported && v.Kind == expand.String {
			last[name] = v.String()
		}
	}
	delete(last, umaskVar)
	delete(last, jobVar)
	last["PWD"] = hc.Dir
	list := make([]string, 0, len(last))
	for name, value := range last {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

func under(dir, name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return dir + "/" + name
}
