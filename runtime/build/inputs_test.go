package build

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/runtime/reason"
)

// All that a step's inputs have changes its key: a field that is not listed would be one that the cache ignores.
func TestEveryInputCounts(t *testing.T) {
	for _, of := range []struct {
		inputs stepInputs
		not    []string // fields that are no part of the key
	}{
		{runInputs{}, []string{"where", "proxies", "root", "debug"}},
		{copyInputs{}, nil},
		{workdirInputs{}, nil},
		{contextInputs{}, nil},
		{contextPartInputs{}, nil},
	} {
		fresh := func() reflect.Value {
			v := reflect.New(reflect.TypeOf(of.inputs)).Elem()
			v.Set(reflect.ValueOf(of.inputs))
			return v
		}
		keyOf := func(v reflect.Value) string {
			return inputsOf(&job{inputs: v.Interface().(stepInputs)}, files{}).Key()
		}
		none := keyOf(fresh())
		seen := map[string]string{none: "nothing"}
		eachField(fresh().Type(), nil, func(index []int, name string) {
			if slices.Contains(of.not, name) {
				return
			}
			v := fresh()
			set(t, v.FieldByIndex(index))
			key := keyOf(v)
			if other := seen[key]; other != "" {
				t.Errorf("%T: %s gives the key that %s gives", of.inputs, name, other)
			}
			seen[key] = name
		})
	}
}

// eachField goes through the fields of a struct, and of those that it embeds.
func eachField(of reflect.Type, above []int, f func(index []int, name string)) {
	for i := range of.NumField() {
		field := of.Field(i)
		index := append(slices.Clone(above), i)
		if field.Anonymous {
			eachField(field.Type, index, f)
			continue
		}
		f(index, field.Name)
	}
}

// set gives a field some value that is not its zero value.
func set(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case string:
		v.SetString("x")
	case bool:
		v.SetBool(true)
	case int64:
		v.SetInt(1)
	case []string:
		v.Set(reflect.ValueOf([]string{"x=y"}))
	case []mountInputs:
		v.Set(reflect.ValueOf([]mountInputs{{Type: "x"}}))
	case []instructions.SourceContent:
		v.Set(reflect.ValueOf([]instructions.SourceContent{{Path: "x"}}))
	case *time.Time:
		at := time.Unix(1, 0)
		v.Set(reflect.ValueOf(&at))
	default:
		t.Fatalf("a field of type %s: list it, and let this test set it", v.Type())
	}
}

// Two inputs may not be taken for each other.
func TestInputsApart(t *testing.T) {
	n, other := uint64(1), files{layers: []layerRef{{ID: "x"}}}
	seen := map[string]string{}
	for name, in := range map[string]stepInputs{
		"an empty variable":   runInputs{Env: []string{"A="}},
		"no variable":         runInputs{},
		"two variables":       runInputs{Env: []string{"A=1", "B=2"}},
		"the other order":     runInputs{Env: []string{"B=2", "A=1"}},
		"one with a line end": runInputs{Env: []string{"A=1\nvariable B=2"}},
		"words":               runInputs{Args: []string{"a b"}},
		"more words":          runInputs{Args: []string{"a", "b"}},
		"WORKDIR":             runInputs{Dir: "/x"},
		"CWD":                 runInputs{Dir: "/x", Given: true},
		"a mount":             runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x"}}},
		"its source":          runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", Source: "y"}}},
		"its id":              runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", ID: "y"}}},
		"its mode":            runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", Mode: &n}}},
		"its uid":             runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", UID: &n}}},
		"its gid":             runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", GID: &n}}},
		"its size":            runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", Size: 1}}},
		"its variable":        runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", Env: "y"}}},
		"read-only":           runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", ReadOnly: true}}},
		"required":            runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", Required: true}}},
		"its files":           runInputs{Mounts: []mountInputs{{Type: "bind", Target: "/x", from: &other}}},
		"a source":            copyInputs{Content: []string{"ab"}},
		"two sources":         copyInputs{Content: []string{"a", "b"}},
		"a heredoc":           copyInputs{Contents: []instructions.SourceContent{{Path: "x", Data: "y"}}},
		"another name":        copyInputs{Contents: []instructions.SourceContent{{Path: "y", Data: "y"}}},
		"another text":        copyInputs{Contents: []instructions.SourceContent{{Path: "x", Data: "x"}}},
		"a context":           contextInputs{"a"},
		"a part":              contextPartInputs{"a"},
	} {
		key := inputsOf(&job{inputs: in}, files{}).Key()
		if seen[key] != "" {
			t.Errorf("%s has the key of %s", name, seen[key])
		}
		seen[key] = name
	}
	on := inputsOf(&job{inputs: runInputs{}}, files{layers: []layerRef{{ID: "x", Made: "y"}}})
	same := inputsOf(&job{inputs: runInputs{}}, files{layers: []layerRef{{ID: "x", Made: "z", Title: "t"}}})
	if seen[on.Key()] != "" || on.Key() != same.Key() {
		t.Error("the files below count by their layers, and by nothing else")
	}
}

// What is long, has a secret's name, or holds a secret, is not kept, and the key is the same.
func TestTold(t *testing.T) {
	b := &Builder{}
	b.sawSecret([]byte(" hush \n"))
	in := inputsOf(&job{inputs: runInputs{
		Args: []string{"echo", "hush!"}, Dir: "/hush",
		Env: []string{"A=1", "DB_PASSWORD=2", "KEYS=3", "B=say hush", "C=" + fmt.Sprintf("%05000d", 1)},
	}}, files{})
	told := b.told(in)
	if told.Key() != in.Key() {
		t.Error("the key is another")
	}
	for _, x := range told {
		hidden := x.Sum != ""
		switch x.Name {
		case reason.Command, "WORKDIR", "variable DB_PASSWORD", "variable B", "variable C":
			if !hidden || x.Value != "" {
				t.Errorf("%+v is told", x)
			}
		default:
			if hidden {
				t.Errorf("%+v is hidden", x)
			}
		}
	}
}
