// Package compare says in what two images differ: their files as they lie in the layers' tars, and their
// configurations, field by field. Nothing is unpacked or mounted.
//
// A tree is held in memory as one record for each entry, with a digest of its content; the contents pass by. It
// does not judge: that two files have other times is a difference like any other.
package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Field is a field of a configuration that differs. A side that does not have it is nil.
type Field struct {
	Name   string  `json:"name"` // "config.Env.PATH", "config.Cmd"
	Before *string `json:"before,omitempty"`
	After  *string `json:"after,omitempty"`
}

// Values compares two values as their JSON shows them. Objects are compared member by member, a list of NAME=value
// like an object; other lists count as one value, in JSON. The order is that of the names.
func Values(before, after any) ([]Field, error) {
	a, err := flat(before)
	if err != nil {
		return nil, err
	}
	b, err := flat(after)
	if err != nil {
		return nil, err
	}
	names := slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b)))
	slices.Sort(names)
	var out []Field
	for _, name := range slices.Compact(names) {
		f := Field{Name: name}
		if was, had := a[name]; had {
			f.Before = &was
		}
		if is, has := b[name]; has {
			f.After = &is
		}
		if f.Before == nil || f.After == nil || *f.Before != *f.After {
			out = append(out, f)
		}
	}
	return out, nil
}

// Configs compares two image configurations, given as JSON. What every build has anew or what is compared
// otherwise is left out: history, diff IDs, the time of creation.
func Configs(before, after []byte) ([]Field, error) {
	fields, err := Values(json.RawMessage(cmp.Or(string(before), "{}")), json.RawMessage(cmp.Or(string(after), "{}")))
	return slices.DeleteFunc(fields, func(f Field) bool {
		top, _, _ := strings.Cut(f.Name, ".")
		return top == "history" || top == "rootfs" || top == "created"
	}), err
}

// flat turns a value into its leaves.
func flat(v any) (map[string]string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("compare configurations: %w", err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("compare configurations: %w", err)
	}
	out := map[string]string{}
	flatten(out, "", tree)
	return out, nil
}

func flatten(out map[string]string, name string, v any) {
	under := func(member string) string {
		if name == "" {
			return member
		}
		return name + "." + member
	}
	switch v := v.(type) {
	case nil:
	case map[string]any:
		if len(v) == 0 && name != "" && strings.Contains(name, ".") {
			out[name] = "set" // as a port or a volume is
		}
		for member, value := range v {
			flatten(out, under(member), value)
		}
	case []any:
		if !pairs(name, v) {
			text, _ := json.Marshal(v) // it has just been read
			out[name] = string(text)
			return
		}
		for _, kv := range v {
			member, value, _ := strings.Cut(kv.(string), "=")
			out[under(member)] = value
		}
	case string:
		out[name] = v
	default:
		text, _ := json.Marshal(v)
		out[name] = string(text)
	}
}

// pairs says whether a list is of NAME=value: an image's Env.
func pairs(name string, list []any) bool {
	return strings.HasSuffix(name, "Env") && !slices.ContainsFunc(list, func(v any) bool {
		text, ok := v.(string)
		return !ok || !strings.Contains(text, "=")
	})
}
