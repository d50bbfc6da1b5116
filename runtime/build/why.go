package build

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
	"github.com/shbuild/shbuild/internal/pattern"
	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/reason"
)

// Explanation says why a step was carried out, or that it was not.
type Explanation struct {
	At    string   // "Dockerfile:7: RUN make"
	What  string   // "carried out", "from the cache, where it is since …"
	Lines []string // the reasons, one a line
}

// solvedStep is a step that this build carried out or found.
type solvedStep struct {
	at    place
	key   string // empty: no step of the cache
	what  string // where there is no key: all that there is to say
	image *base  // … of a FROM: which image it is; nil: none
	made  cache.Made
	prior *cache.Made // what was known of the key before the step was carried out; nil: nothing
	how   Ending
}

// asked is what --why asked for, and what the build knows of it. The zero value: nothing was asked.
type asked struct {
	steps []string

	mu     sync.Mutex
	solved []*solvedStep
	prior  map[string]*cache.Made
	texts  map[string]bool // of the file's instructions, each on one line
}

// missedStep is told before a step is carried out.
func (b *Builder) missedStep(j *job, key string) {
	if b.why.steps == nil {
		return
	}
	m, ok := records{b}.Made(key)
	b.why.mu.Lock()
	defer b.why.mu.Unlock()
	if _, told := b.why.prior[key]; !told && ok {
		b.why.prior[key] = &m
	}
}

// solvedStep is told how a step ended.
func (b *Builder) solvedStep(j *job, key string, in cache.Inputs, rec cache.Step, how Ending) {
	if b.why.steps == nil {
		return
	}
	if rec.Created.IsZero() {
		rec.Created = time.Now()
	}
	s := &solvedStep{at: j.place, key: key, made: b.madeOf(j, in, rec.Created), how: how}
	b.why.mu.Lock()
	defer b.why.mu.Unlock()
	s.prior = b.why.prior[key]
	b.why.solved = append(b.why.solved, s)
}

// noStep is told of an instruction that is no step of the cache; image is what a FROM begins with, if that is one.
func (b *Builder) noStep(at place, what string, image *base) {
	if b.why.steps == nil {
		return
	}
	b.why.mu.Lock()
	defer b.why.mu.Unlock()
	b.why.solved = append(b.why.solved, &solvedStep{at: at, what: what, image: image})
}

// askWhy begins to note what --why asks for. A plain Dockerfile has all its instructions in it, so one that it has not
// is told at once.
func (b *Builder) askWhy(f *syntax.File) error {
	b.building = b.buildName(f.Source.Name)
	if len(b.opts.Why) == 0 {
		return nil
	}
	b.why.steps, b.why.prior, b.why.texts = b.opts.Why, map[string]*cache.Made{}, map[string]bool{}
	var places []place
	for _, in := range f.Instructions {
		b.why.texts[titleOf(in.Text)] = true
		places = append(places, place{source: f.Source, span: in.Span, keyword: in.Keyword, text: in.Text})
	}
	if !f.Plain {
		return nil
	}
	for _, step := range b.opts.Why {
		if !slices.ContainsFunc(places, func(p place) bool { return p.isStep(step, f.Source) }) {
			return noSuchStep(step, b.why.texts)
		}
	}
	return nil
}

func noSuchStep(step string, texts map[string]bool) error {
	var known []string
	for text := range texts {
		known = append(known, text)
	}
	hint := "name a line (7, Dockerfile:7), what an instruction begins with (\"RUN make\"), or all"
	if near := diag.Nearest(step, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return diag.WithHint(fmt.Errorf("--why %s: there is no such instruction", step), hint)
}

// linePattern is FILE:LINE.
var linePattern = pattern.Lazy(`^(.+):(\d+)$`)

// isStep says whether a --why means the instruction here. A line by itself is one of the file that is built.
func (p place) isStep(step string, main *diag.Source) bool {
	if step == "all" {
		return true
	}
	if p.source != nil {
		file, text := main, step
		if m := linePattern().FindStringSubmatch(step); m != nil && p.isFile(m[1]) {
			file, text = p.source, m[2]
		}
		if n, err := strconv.Atoi(text); err == nil {
			return p.source == file && p.span.Start.Line <= n && n <= p.span.End.Line
		}
	}
	return strings.HasPrefix(titleOf(p.text), strings.Join(strings.Fields(step), " "))
}

func (p place) isFile(name string) bool {
	return p.source.Name == name || strings.HasSuffix(p.source.Name, "/"+name)
}

// Why explains the steps that Options.Why asked for, as far as the build came. ended says that it came to its end, so
// that a step that is not there never was.
func (b *Builder) Why(ended bool) ([]Explanation, error) {
	if b.why.steps == nil || b.file == nil {
		return nil, nil
	}
	b.remembering.Wait()
	b.why.mu.Lock()
	defer b.why.mu.Unlock()
	var out []Explanation
	found := map[string]bool{}
	order := slices.Clone(b.why.solved)
	slices.SortStableFunc(order, func(x, y *solvedStep) int { return x.line(b.file.Source) - y.line(b.file.Source) })
	f := b.finder()
	for _, s := range order {
		asked := false
		for _, step := range b.why.steps {
			if s.at.isStep(step, b.file.Source) {
				asked, found[step] = true, true
			}
		}
		if asked {
			out = append(out, b.explain(f, s))
		}
	}
	if !ended {
		return out, nil
	}
	for _, step := range b.why.steps {
		switch {
		case found[step] || step == "all":
		case b.file.Plain:
			out = append(out, Explanation{At: step, What: "not needed for what was built"})
		default:
			return out, noSuchStep(step, b.why.texts)
		}
	}
	return out, nil
}

// line puts the steps of other files behind those of the one that is built.
func (s *solvedStep) line(main *diag.Source) int {
	if s.at.source != main {
		return 1 << 30
	}
	return s.at.span.Start.Line
}

func (b *Builder) finder() *reason.Finder {
	here := map[string]*cache.Made{}
	for _, s := range b.why.solved {
		if s.key != "" && (s.how == Done || here[s.key] == nil) {
			here[s.key] = &s.made
		}
	}
	return &reason.Finder{
		Records: records{b},
		Here: func(key string) (cache.Made, bool) {
			m := here[key]
			if m == nil {
				return cache.Made{}, false
			}
			if kept, ok := (records{b}).Made(key); ok { // it tells why the step was carried out, too
				kept.File, kept.Line = m.File, m.Line
				return kept, true
			}
			return *m, true
		},
		Others: func(text string) bool { return b.why.texts[text] },
	}
}

// explain says of a step how it was found, or why not.
func (b *Builder) explain(f *reason.Finder, s *solvedStep) Explanation {
	if s.key == "" {
		e := Explanation{At: reason.At(s.at.made()), What: s.what}
		if s.image != nil {
			e.What = s.image.told()
		}
		return e
	}
	e := Explanation{At: reason.At(&s.made)}
	if s.how != Cached {
		e.What = "carried out"
		if s.how == Failed {
			e.What += ", and failed"
		}
		e.Lines = b.missed(f, s)
		return e
	}
	e.What = "from the cache, where it is since " + clock(s.made.Created)
	made, ok := f.Records.Made(s.key)
	if !ok {
		return e
	}
	if made.Forced != "" {
		e.Lines = []string{"it was carried out then: " + made.Forced}
		return e
	}
	if near, ok := f.Nearest(s.key, &made); ok {
		for _, r := range f.Between(near, &made) {
			e.Lines = append(e.Lines, "it was carried out then: "+r.String())
		}
	}
	return e
}

// missed says why a step was carried out.
func (b *Builder) missed(f *reason.Finder, s *solvedStep) []string {
	if s.made.Forced != "" {
		return []string{s.made.Forced}
	}
	if s.prior != nil {
		return []string{goneBecause(*s.prior)}
	}
	near, ok := f.Nearest(s.key, &s.made)
	if !ok {
		return []string{"nothing like it is in the cache"}
	}
	var lines []string
	for _, r := range f.Between(near, &s.made) {
		lines = append(lines, r.String())
	}
	from := "it is compared with what was made on " + clock(near.Created)
	if near.Build != s.made.Build {
		from += " for " + near.Build
	}
	return append(lines, from)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// made is how an instruction's place is told.
func (p place) made() *cache.Made {
	m := &cache.Made{Text: titleOf(p.text)}
	if p.source != nil {
		m.File, m.Line = p.source.Name, p.span.Start.Line
	}
	return m
}
