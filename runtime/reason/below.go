package reason

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shbuild/shbuild/runtime/cache"
)

// files says why files that a step stands on are others.
func (f *Finder) files(d difference, before *cache.Made) []Reason {
	what := "the files below"
	if name, ok := strings.CutPrefix(d.name, MountFiles); ok {
		what = "the files of the mount " + name
	}
	switch {
	case d.before == nil:
		return []Reason{{Text: what + " are new"}}
	case d.now == nil:
		return []Reason{{Text: what + " are gone"}}
	}
	old, oldWhole := f.chain(d.before.From)
	now, nowWhole := f.chain(d.now.From)
	if !oldWhole || !nowWhole {
		return f.unknown(what, d)
	}
	for i := 0; i < min(len(old), len(now)); i++ {
		if old[i].from != now[i].from {
			return f.lowest(old, now, i)
		}
	}
	switch {
	case len(old) < len(now):
		return []Reason{{At: At(now[len(old)].made), Text: "is new"}}
	case len(old) > len(now):
		return []Reason{{Text: "it stood on " + At(old[len(now)].made) + ", which is gone"}}
	case len(now) > 0 && now[len(now)-1].made != nil:
		return []Reason{anew(now[len(now)-1].made, before)}
	}
	return []Reason{{Text: "the base image was unpacked anew"}}
}

// unknown is said where a record of the steps below is gone.
func (f *Finder) unknown(what string, d difference) []Reason {
	if m, ok := f.made(d.now.From); ok && d.now.From != d.before.From {
		return []Reason{{Text: fmt.Sprintf("%s are others (%s); what they were made of before is no longer known", what, At(&m))}}
	}
	return []Reason{{Text: what + " are others; what they were made of is no longer known"}}
}

// anew is said of a step that was carried out once more, with the same inputs.
func anew(m, before *cache.Made) Reason {
	text := "was carried out anew, with the same inputs"
	if m.Forced != "" && m.Created.After(before.Created) {
		text += " (" + m.Forced + ")"
	}
	return Reason{At: At(m), Text: text}
}

// link is a step of a chain, or the base image at its bottom.
type link struct {
	from string      // a step's key, or an image
	made *cache.Made // nil: an image, or nothing
}

// maxChain ends the search in records that lead in a circle, which keys cannot.
const maxChain = 10_000

// chain are the steps that made files, the lowest first; whole: down to the image or to nothing.
func (f *Finder) chain(from string) (out []link, whole bool) {
	for range maxChain {
		if _, _, _, isImage := baseImage(from); isImage || from == "" {
			out = append(out, link{from, nil})
			slices.Reverse(out)
			return out, true
		}
		m, ok := f.made(from)
		if !ok {
			return out, false
		}
		out = append(out, link{from, &m})
		from = ""
		for _, in := range m.Inputs {
			if in.Name == Files {
				from = in.From
			}
		}
	}
	return out, false
}

// lowest says what differs in the lowest step in which two chains do.
func (f *Finder) lowest(old, now []link, i int) []Reason {
	a, b := old[i], now[i]
	if a.made == nil || b.made == nil {
		return []Reason{{Text: bases(a.from, b.from)}}
	}
	if a.made.Text != b.made.Text {
		switch {
		case has(old[i:], b.made.Text) && !has(now[i:], a.made.Text):
			return []Reason{{Text: "below it there is no longer " + At(a.made)}}
		case has(now[i:], a.made.Text) && !has(old[i:], b.made.Text):
			return []Reason{{At: At(b.made), Text: "is new"}}
		}
	}
	if kind(a.made) != kind(b.made) {
		return []Reason{{Text: fmt.Sprintf("below it there was %s, and is %s", At(a.made), At(b.made))}}
	}
	var out []Reason
	for _, d := range differing(a.made, b.made) {
		if d.name == Files { // what is below is the same, step for step
			continue
		}
		for _, r := range f.explain(d, a.made, b.made) {
			if r.At == "" {
				r.At = At(b.made)
			}
			out = append(out, r)
		}
	}
	switch {
	case len(out) > 0:
		return out
	case i > 0 && now[i-1].made != nil:
		return []Reason{anew(now[i-1].made, a.made)}
	}
	return []Reason{{Text: "the base image was unpacked anew"}}
}

func has(chain []link, text string) bool {
	return slices.ContainsFunc(chain, func(l link) bool { return l.made != nil && l.made.Text == text })
}

// bases tells two bottoms apart.
func bases(before, now string) string {
	oldName, oldPlatform, oldDigest, was := baseImage(before)
	name, platform, digest, is := baseImage(now)
	switch {
	case !was && !is:
		return "it stands on other steps"
	case !was:
		return "it stands on the image " + name + ", which it did not"
	case !is:
		return "it no longer stands on the image " + oldName
	case oldName != name:
		return "the base was " + oldName + ", is " + name
	case oldPlatform != platform:
		return "the platform of the base " + name + " was " + oldPlatform + ", is " + platform
	}
	return "the base image " + name + " was " + oldDigest + ", is " + digest
}

// At is how a step is told of: where its instruction stands, and what it is.
func At(m *cache.Made) string {
	if m == nil {
		return ""
	}
	text, _, _ := strings.Cut(m.Text, "\n")
	if m.File == "" {
		return text
	}
	return fmt.Sprintf("%s:%d: %s", m.File, m.Line, text)
}
