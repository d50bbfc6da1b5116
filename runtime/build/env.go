package build

import (
	"slices"
	"strings"

	"github.com/shbuild/shbuild/dsl/interp"
)

// env is a list of variables in which a name that is set again moves to the
// end, as in BuildKit: RUN sees them in this order. It is a value: set returns
// a new list. It is a shell.EnvGetter.
type env []interp.Variable

func (e env) set(name, value string) env {
	out := make(env, 0, len(e)+1)
	for _, v := range e {
		if v.Name != name {
			out = append(out, v)
		}
	}
	return append(out, interp.Variable{Name: name, Value: value})
}

// setAll sets variables given as NAME=value.
func (e env) setAll(list []string) env {
	for _, kv := range list {
		name, value, _ := strings.Cut(kv, "=")
		e = e.set(name, value)
	}
	return e
}

// Get returns the value of a variable.
func (e env) Get(name string) (string, bool) {
	for _, v := range e {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}

// Keys returns the names in order.
func (e env) Keys() []string {
	keys := make([]string, len(e))
	for i, v := range e {
		keys[i] = v.Name
	}
	return keys
}

// over returns the list as NAME=value, after those of below that it does not
// set itself.
func (e env) over(below []string) []string {
	var out []string
	for _, kv := range below {
		name, _, _ := strings.Cut(kv, "=")
		if _, set := e.Get(name); !set {
			out = append(out, kv)
		}
	}
	for _, v := range e {
		out = append(out, v.Name+"="+v.Value)
	}
	return out
}

// setImageEnv sets a variable in an image's Env, in the place where it stands
// already, as in BuildKit. It does not change the list it was given.
func setImageEnv(list []string, name, value string) []string {
	kv := name + "=" + value
	for i, old := range list {
		if n, _, _ := strings.Cut(old, "="); n == name {
			list = slices.Clone(list)
			list[i] = kv
			return list
		}
	}
	return append(slices.Clip(list), kv)
}
