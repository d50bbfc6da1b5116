package reason

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/shbuild/shbuild/runtime/cache"
)

// explain says what is different about one input.
func (f *Finder) explain(d difference, before, now *cache.Made) []Reason {
	own := func(text string) []Reason { return []Reason{{Text: text}} }
	switch {
	case isFiles(d.name):
		return f.files(d, before)
	case d.name == Content:
		return f.content(d, before, now)
	case d.name == Command && d.before != nil && d.now != nil:
		return own(commands(d.before, d.now))
	}
	what := d.name
	if name, ok := strings.CutPrefix(what, Variable); ok {
		what = "variable " + name
	}
	switch {
	case d.before == nil:
		return own(fmt.Sprintf("%s is new%s", what, told(": ", d.now)))
	case d.now == nil:
		return own(fmt.Sprintf("%s is gone%s", what, told(": it was ", d.before)))
	case d.before.Sum != "" || d.now.Sum != "":
		return own(what + " has changed")
	}
	was, is := apart(d.before.Value, d.now.Value)
	if strings.HasPrefix(d.name, Mount) { // its values are quoted
		was, is = d.before.Value, d.now.Value
	}
	return own(fmt.Sprintf("%s was %s, is %s", what, was, is))
}

// told is a value that may be told.
func told(before string, in *cache.Input) string {
	if in.Sum != "" || in.Value == "" {
		return ""
	}
	return before + quoted(in.Value)
}

// commands tells two command lines apart: where only the last word differs, as in the shell form, by that word.
func commands(before, now *cache.Input) string {
	if before.Sum != "" || now.Sum != "" {
		return "the command has changed"
	}
	var was, is []string
	if json.Unmarshal([]byte(before.Value), &was) != nil || json.Unmarshal([]byte(now.Value), &is) != nil {
		return "the command has changed"
	}
	if n := len(was) - 1; n >= 0 && len(is) == n+1 && slices.Equal(was[:n], is[:n]) {
		was, is = was[n:], is[n:]
	}
	a, b := apart(strings.Join(was, " "), strings.Join(is, " "))
	return fmt.Sprintf("the command was %s, is %s", a, b)
}

const (
	most  = 80 // characters of a value that are shown
	ahead = 20 // of them before the first that differs
)

// apart gives two values so that the difference is seen: of long ones the part where it is.
func apart(a, b string) (string, string) {
	if utf8.RuneCountInString(a) <= most && utf8.RuneCountInString(b) <= most {
		return quoted(a), quoted(b)
	}
	x, y := []rune(a), []rune(b)
	same := 0
	for same < min(len(x), len(y)) && x[same] == y[same] {
		same++
	}
	from := max(0, same-ahead)
	return part(x, from), part(y, from)
}

func part(text []rune, from int) string {
	end := min(len(text), from+most)
	out := fmt.Sprintf("%q", string(text[from:end]))
	if from > 0 {
		out = "…" + out
	}
	if end < len(text) {
		out += "…"
	}
	return out
}

func quoted(value string) string { return part([]rune(value), 0) }
