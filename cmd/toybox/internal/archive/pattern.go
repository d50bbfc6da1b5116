package archive

import (
	"regexp"
	"strings"
)

// pattern is a glob as tar matches names with: "*" matches slashes too, and what is below a
// matching folder matches with it.
type pattern struct{ re *regexp.Regexp }

// newPattern makes a pattern. One that floats may start after any slash of a name, as those of
// --exclude do.
func newPattern(glob string, floats bool) *pattern {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	if floats && !strings.HasPrefix(glob, "/") {
		b.WriteString(`(?:.*/)?`)
	}
	glob = strings.TrimRight(glob, "/")
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b.WriteString(`.*`)
		case '?':
			b.WriteByte('.')
		case '[':
			end := strings.IndexByte(glob[min(i+2, len(glob)):], ']')
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			set := glob[i+1 : i+2+end]
			if strings.HasPrefix(set, "!") {
				set = "^" + set[1:]
			}
			b.WriteString("[" + strings.ReplaceAll(set, `\`, `\\`) + "]")
			i += 2 + end
		case '\\':
			if i++; i < len(glob) {
				b.WriteString(regexp.QuoteMeta(glob[i : i+1]))
			}
		default:
			b.WriteString(regexp.QuoteMeta(string([]byte{c})))
		}
	}
	b.WriteString(`(?:/.*)?\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		re = regexp.MustCompile(`\A` + regexp.QuoteMeta(glob) + `(?:/.*)?\z`)
	}
	return &pattern{re}
}

func (p *pattern) match(name string) bool {
	return p.re.MatchString(strings.TrimRight(name, "/"))
}
