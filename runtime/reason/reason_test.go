package reason_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/reason"
)

// records are entries that are all there is.
type records struct {
	made map[string]cache.Made
	near map[string][]string
	seq  int
}

func (r *records) Made(key string) (cache.Made, bool)    { m, ok := r.made[key]; return m, ok }
func (r *records) Near(slot string) []string             { return r.near[slot] }
func (r *records) Content(digest string) ([]byte, error) { return nil, fs.ErrNotExist }

func newRecords() *records {
	return &records{made: map[string]cache.Made{}, near: map[string][]string{}}
}

// image is a base image with layers of an ID.
func image(name, layers string) cache.Input {
	return cache.Input{Name: reason.Files, Value: layers, From: reason.Image(name, "linux/amd64", "sha256:"+layers)}
}

// step records a step on files, with inputs such as "a=1", and gives the files that it made.
func (r *records) step(text string, below cache.Input, inputs ...string) cache.Input {
	r.seq++
	m := cache.Made{Text: text, File: "f", Line: r.seq, Session: fmt.Sprint(r.seq), Created: time.Unix(int64(r.seq), 0), Slots: []string{text}}
	m.Inputs = append(m.Inputs, cache.Input{Name: reason.Kind, Value: "RUN"})
	for _, in := range inputs {
		name, value, _ := strings.Cut(in, "=")
		m.Inputs = append(m.Inputs, cache.Input{Name: name, Value: value})
	}
	below.Name = reason.Files
	m.Inputs = append(m.Inputs, below)
	key := m.Inputs.Key()
	r.made[key] = m
	r.near[text] = append([]string{key}, r.near[text]...)
	return cache.Input{Name: reason.Files, Value: fmt.Sprint("layer ", r.seq), From: key}
}

func (r *records) get(files cache.Input) *cache.Made {
	m, ok := r.made[files.From]
	if !ok {
		panic("no such step")
	}
	return &m
}

func between(r *records, before, now cache.Input) string {
	f := reason.Finder{Records: r}
	var list []string
	for _, x := range f.Between(r.get(before), r.get(now)) {
		list = append(list, x.String())
	}
	return strings.Join(list, "; ")
}

func TestInputs(t *testing.T) {
	base := image("debian", "d1")
	long := strings.Repeat("x", 100)
	for _, tt := range []struct {
		before, now []string
		want        string
	}{
		{[]string{"a=1"}, []string{"a=1"}, ""},
		{[]string{"a=1"}, []string{"a=2"}, `a was "1", is "2"`},
		{[]string{"a=1"}, nil, `a is gone: it was "1"`},
		{nil, []string{"a=1"}, `a is new: "1"`},
		{nil, []string{"a="}, `a is new`},
		{[]string{"a="}, []string{"a=1"}, `a was "", is "1"`},
		{[]string{"a=1", "a=2"}, []string{"a=1", "a=3"}, `a was "2", is "3"`},
		{[]string{"a=1", "a=2"}, []string{"a=1"}, `a is gone: it was "2"`},
		{[]string{"variable X=1", "variable Y=1"}, []string{"variable Y=1", "variable X=1"}, "the order of the variables is another"},
		{[]string{"a=1", "b=1"}, []string{"a=2", "b=2"}, `a was "1", is "2"; b was "1", is "2"`},
		{[]string{`command=["sh","-c","a"]`}, []string{`command=["sh","-c","b"]`}, `the command was "a", is "b"`},
		{[]string{`command=["sh","-c","a"]`}, []string{`command=["bash","-c","a"]`}, `the command was "sh -c a", is "bash -c a"`},
		{[]string{`command=["a"]`}, []string{`command=["a","b"]`}, `the command was "a", is "a b"`},
		{[]string{"a=" + long + "1"}, []string{"a=" + long + "2y"}, `a was …"` + long[:20] + `1", is …"` + long[:20] + `2y"`},
		{[]string{"a=" + long}, []string{"a=y" + long}, `a was "` + long[:80] + `"…, is "y` + long[:79] + `"…`},
		{[]string{"a=\x1b[31m"}, []string{"a=\n"}, `a was "\x1b[31m", is "\n"`},
		{[]string{"content=sha256:1 f\n"}, []string{"content=sha256:2 f\n"}, `what is copied was "sha256:1 f\n", is "sha256:2 f\n"`},
		{[]string{"content=" + long[:64]}, []string{"content=" + strings.Repeat("y", 64)}, "what is copied has other content"},
		{[]string{"content=1"}, []string{"content=1", "content=2"}, "there are more sources"},
	} {
		r := newRecords()
		before := r.step("RUN a", base, tt.before...)
		now := r.step("RUN a", base, tt.now...)
		if got := between(r, before, now); got != tt.want {
			t.Errorf("%q → %q: %s", tt.before, tt.now, got)
		}
	}
}

// What is hidden is not told, and what is hidden and the same is the same.
func TestHidden(t *testing.T) {
	r := newRecords()
	base := image("debian", "d1")
	before, now := *r.get(r.step("RUN a", base, "a=hush1", "b=same")), *r.get(r.step("RUN a", base, "a=hush2", "b=same"))
	now.Inputs[1], now.Inputs[2] = now.Inputs[1].Hidden(), now.Inputs[2].Hidden()
	f := reason.Finder{Records: r}
	if got := fmt.Sprint(f.Between(&before, &now)); got != "[a has changed]" {
		t.Error(got)
	}
	if got := fmt.Sprint(f.Between(&now, &before)); got != "[a has changed]" {
		t.Error(got)
	}
}

// Where the files below are others, the lowest step that differs is the reason.
func TestBelow(t *testing.T) {
	d1 := image("debian", "d1")
	for name, tt := range map[string]struct {
		before, now func(r *records) cache.Input
		want        string
	}{
		"an input two steps below": {
			func(r *records) cache.Input { return r.step("RUN b", r.step("RUN a", d1, "x=1")) },
			func(r *records) cache.Input { return r.step("RUN b", r.step("RUN a", d1, "x=2")) },
			`f:4: RUN a: x was "1", is "2"`,
		},
		"several inputs": {
			func(r *records) cache.Input { return r.step("RUN a", d1, "x=1", "y=1") },
			func(r *records) cache.Input { return r.step("RUN a", d1, "x=2", "y=2") },
			`f:3: RUN a: x was "1", is "2"; f:3: RUN a: y was "1", is "2"`,
		},
		"a step that came": {
			func(r *records) cache.Input { return r.step("RUN b", r.step("RUN a", d1)) },
			func(r *records) cache.Input { return r.step("RUN b", r.step("RUN new", r.step("RUN a", d1))) },
			"f:5: RUN new: is new",
		},
		"one at the end": {
			func(r *records) cache.Input { return r.step("RUN a", d1) },
			func(r *records) cache.Input { return r.step("RUN new", r.step("RUN a", d1)) },
			"f:4: RUN new: is new",
		},
		"one that went": {
			func(r *records) cache.Input { return r.step("RUN b", r.step("RUN old", r.step("RUN a", d1))) },
			func(r *records) cache.Input { return r.step("RUN b", r.step("RUN a", d1)) },
			"below it there is no longer f:2: RUN old",
		},
		"one at the end that went": {
			func(r *records) cache.Input { return r.step("RUN old", r.step("RUN a", d1)) },
			func(r *records) cache.Input { return r.step("RUN a", d1) },
			"it stood on f:2: RUN old, which is gone",
		},
		"another command": {
			func(r *records) cache.Input { return r.step("RUN a", d1, `command=["a"]`) },
			func(r *records) cache.Input { return r.step("RUN A", d1, `command=["A"]`) },
			`f:3: RUN A: the command was "a", is "A"`,
		},
		"another image": {
			func(r *records) cache.Input { return r.step("RUN a", d1) },
			func(r *records) cache.Input { return r.step("RUN a", image("alpine", "d9")) },
			"the base was debian, is alpine",
		},
		"another digest": {
			func(r *records) cache.Input { return r.step("RUN a", d1) },
			func(r *records) cache.Input { return r.step("RUN a", image("debian", "d2")) },
			"the base image debian was sha256:d1, is sha256:d2",
		},
		"the same again": { // its key is the same, its layer is another
			func(r *records) cache.Input { return r.step("RUN a", d1) },
			func(r *records) cache.Input { return r.step("RUN a", d1) },
			"f:3: RUN a: was carried out anew, with the same inputs",
		},
		"the same again, deeper": {
			func(r *records) cache.Input { return r.step("RUN b", r.step("RUN a", d1)) },
			func(r *records) cache.Input { return r.step("RUN b", r.step("RUN a", d1)) },
			"f:4: RUN a: was carried out anew, with the same inputs",
		},
		"what is not known": {
			func(r *records) cache.Input { return cache.Input{From: strings.Repeat("0", 64)} },
			func(r *records) cache.Input { return r.step("RUN a", d1) },
			"the files below are others (f:2: RUN a); what they were made of before is no longer known",
		},
		"nothing": {
			func(r *records) cache.Input { return cache.Input{} },
			func(r *records) cache.Input { return cache.Input{From: d1.From, Value: "x"} },
			"it stands on the image debian, which it did not",
		},
		"an image unpacked anew": {
			func(r *records) cache.Input { return d1 },
			func(r *records) cache.Input { in := d1; in.Value = "elsewhere"; return in },
			"the base image was unpacked anew",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecords()
			before := r.step("RUN top", tt.before(r))
			now := r.step("RUN top", tt.now(r))
			if got := between(r, before, now); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestMountFiles(t *testing.T) {
	r := newRecords()
	base := image("debian", "d1")
	run := func(from cache.Input) *cache.Made {
		m := *r.get(r.step("RUN a", base))
		from.Name = reason.MountFiles + "bind /x"
		m.Inputs = append(m.Inputs, from)
		return &m
	}
	before, now := run(r.step("COPY x", base, "c=1")), run(r.step("COPY x", base, "c=2"))
	f := reason.Finder{Records: r}
	if got := fmt.Sprint(f.Between(before, now)); got != `[f:3: COPY x: c was "1", is "2"]` {
		t.Error(got)
	}
	if got := fmt.Sprint(f.Between(r.get(r.step("RUN a", base)), now)); got != `[the files of the mount bind /x are new]` {
		t.Error(got)
	}
}

func TestNearest(t *testing.T) {
	base := image("debian", "d1")
	r := newRecords()
	f := reason.Finder{Records: r, Others: func(text string) bool { return text == "RUN other" }}
	nearest := func(now cache.Input) string {
		m, ok := f.Nearest(now.From, r.get(now))
		if !ok {
			return ""
		}
		for key, x := range r.made {
			if key == m.Inputs.Key() {
				return fmt.Sprint(x.Text, " ", x.Inputs[1].Value)
			}
		}
		return "?"
	}
	if got := nearest(r.step("RUN a", base, "a=1", "b=1")); got != "" {
		t.Errorf("alone: %s", got)
	}
	r.step("RUN a", base, "a=2", "b=2")
	r.step("RUN a", base, "a=3", "b=1")
	if got := nearest(r.step("RUN a", base, "a=4", "b=1")); got != "RUN a 3" {
		t.Errorf("the latest of the nearest: %s", got)
	}
	if got := nearest(r.step("RUN a", base, "a=5", "b=2")); got != "RUN a 2" {
		t.Errorf("the fewest differences: %s", got)
	}
	// One of the same place with another text is it, unless that text still is in the file, or it is an older one.
	here := func(text string, n int) string {
		now := r.get(r.step(text, base, fmt.Sprint("a=", n)))
		now.Slots = append(now.Slots, "place")
		key := now.Inputs.Key()
		r.made[key] = *now
		defer func() { r.near["place"] = append([]string{key}, r.near["place"]...) }()
		return nearest(cache.Input{From: key})
	}
	here("RUN old", 10)
	if got := here("RUN edited", 11); got != "RUN old 10" {
		t.Errorf("the same place: %s", got)
	}
	here("RUN other", 12)
	if got := here("RUN new", 13); got != "" {
		t.Errorf("another instruction's: %s", got)
	}
}
