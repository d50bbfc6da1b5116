// Package reason finds out why a step was carried out: which of its inputs are not those of the nearest entry of the
// cache.
//
// What it says is true: it compares the inputs that the keys of the two are made of, and says that one differs only if
// it does. Where the files below a step are others, it goes down to the lowest step that differs, and says of that one
// what differs. What is no longer known, because a record is gone, it says is not known.
//
// It reads records and runs nothing; it does not decide what is an input (package build) nor what a key is (package
// cache).
package reason

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shbuild/shbuild/runtime/cache"
)

// Records are where entries are known from; a *cache.Cache has them.
type Records interface {
	Made(key string) (cache.Made, bool)
	Near(slot string) []string
	Content(digest string) ([]byte, error)
}

// Finder finds reasons. Its zero value but for Records works.
type Finder struct {
	Records Records
	// Here tells of the steps of the build that asks, before Records does; nil: of none.
	Here func(key string) (cache.Made, bool)
	// Others says whether an instruction's text is that of another instruction in the file, so that an entry of that
	// text is not this one's before a change; nil: never.
	Others func(text string) bool
}

// Reason is one thing that differs.
type Reason struct {
	// At is the step that it is about, below the one that was asked for: "Dockerfile:5: COPY src /src"; empty: that
	// one itself.
	At   string
	Text string // "the variable X was "1", is "2""
}

func (r Reason) String() string {
	if r.At == "" {
		return r.Text
	}
	return r.At + ": " + r.Text
}

// made finds what is known of a step.
func (f *Finder) made(key string) (cache.Made, bool) {
	if f.Here != nil {
		if m, ok := f.Here(key); ok {
			return m, true
		}
	}
	return f.Records.Made(key)
}

// far is how much farther away an entry of another file is than any number of differences.
const far = 1000

// Nearest finds the entry that a step is nearest to: of those of the same place in the file, or of the same text, that
// are older and of another build, the one with the fewest differences, the latest of those. It is not the step's own.
func (f *Finder) Nearest(key string, now *cache.Made) (*cache.Made, bool) {
	var best *cache.Made
	least := 0
	seen := map[string]bool{key: true}
	for _, slot := range now.Slots {
		last := "" // the build that was the last to have another text here: what earlier ones had says nothing
		for _, other := range f.Records.Near(slot) {
			if seen[other] {
				continue
			}
			seen[other] = true
			m, ok := f.Records.Made(other)
			if !ok || m.Session == now.Session || !m.Created.Before(now.Created) || kind(&m) != kind(now) {
				continue
			}
			if m.Text != now.Text {
				last = cmp.Or(last, m.Session)
				if m.Session != last || f.Others != nil && f.Others(m.Text) {
					continue
				}
			}
			n := len(differing(&m, now))
			if m.Build != now.Build {
				n += far
			}
			if best == nil || n < least || n == least && m.Created.After(best.Created) {
				best, least = &m, n
			}
		}
	}
	return best, best != nil
}

func kind(m *cache.Made) string {
	if len(m.Inputs) > 0 && m.Inputs[0].Name == Kind {
		return m.Inputs[0].Value
	}
	return ""
}

// Between says what makes one step's inputs another's; nil: they are the same.
func (f *Finder) Between(before, now *cache.Made) []Reason {
	var out []Reason
	for _, d := range differing(before, now) {
		out = append(out, f.explain(d, before, now)...)
	}
	if len(out) == 0 && !slices.EqualFunc(before.Inputs, now.Inputs, cache.Input.Equal) {
		out = append(out, Reason{Text: "the order of " + order(before, now) + " is another"})
	}
	return out
}

// difference is an input that one of the two has otherwise, or not at all.
type difference struct {
	name        string
	nth         int // of its name, from 0
	before, now *cache.Input
}

// differing are the inputs that differ, those below last: what is said of the instruction itself comes first.
func differing(before, now *cache.Made) []difference {
	had := numbered(before.Inputs)
	var own, below []difference
	add := func(d difference) {
		if isFiles(d.name) {
			below = append(below, d)
		} else {
			own = append(own, d)
		}
	}
	has := map[nth]bool{}
	count := map[string]int{}
	for i := range now.Inputs {
		in := &now.Inputs[i]
		id := nth{in.Name, count[in.Name]}
		count[in.Name]++
		has[id] = true
		if old := had[id]; old == nil || !old.Equal(*in) {
			add(difference{id.name, id.n, old, in})
		}
	}
	clear(count)
	for i := range before.Inputs {
		in := &before.Inputs[i]
		id := nth{in.Name, count[in.Name]}
		count[in.Name]++
		if !has[id] {
			add(difference{id.name, id.n, in, nil})
		}
	}
	return append(own, below...)
}

// nth is the n-th input of a name.
type nth struct {
	name string
	n    int
}

func numbered(list cache.Inputs) map[nth]*cache.Input {
	out := map[nth]*cache.Input{}
	count := map[string]int{}
	for i := range list {
		in := &list[i]
		out[nth{in.Name, count[in.Name]}] = in
		count[in.Name]++
	}
	return out
}

// order names what stands in another order.
func order(before, now *cache.Made) string {
	for i := range min(len(before.Inputs), len(now.Inputs)) {
		if !before.Inputs[i].Equal(now.Inputs[i]) {
			word, _, _ := strings.Cut(now.Inputs[i].Name, " ")
			return "the " + word + "s"
		}
	}
	return "the inputs"
}
