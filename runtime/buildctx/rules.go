package buildctx

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"golang.org/x/sys/unix"
)

// ignoreSize bounds an ignore file: more is a mistake (a binary of that name), not rules.
const ignoreSize = 16 << 20

// rules are the lines of an ignore file.
type rules struct {
	file     string // as named in hints
	lines    []rule
	patterns []string

	negated []string // the patterns after "!", without a trailing glob
	globbed bool     // one of negated has wildcards: any folder may hold what it brings back
}

type rule struct {
	line    int    // counted from 1
	text    string // as written
	pattern string // as patternmatcher takes it
}

// readRules reads the rules that count for a context: those of <dockerfile>.dockerignore if there is
// such a file, else those of .dockerignore. Neither is followed out of its folder: hints quote it.
func readRules(t *Tree, dockerfile string) (*rules, error) {
	if dockerfile != "" {
		dir, err := openTree(filepath.Dir(dockerfile))
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		r, err := dir.readRules(filepath.Base(dockerfile) + ".dockerignore")
		if r != nil || err != nil {
			return r, err
		}
	}
	return t.readRules(".dockerignore")
}

// readRules returns nil if there is no file of that name.
func (t *Tree) readRules(name string) (*rules, error) {
	p, err := t.view().resolve(name)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if p.file == "" {
		return nil, nil
	}
	var st unix.Stat_t
	fd, err := openRegular(p.dir(), p.file, &st)
	if err != nil {
		return nil, unreadable(name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if st.Size > ignoreSize {
		return nil, fmt.Errorf("read %s: %d bytes is too long for a list of rules", name, st.Size)
	}
	return parseRules(name, f)
}

// parseRules takes the file apart line by line, so that a rule's line is known afterwards;
// ignorefile says what each line means.
func parseRules(name string, f io.Reader) (*rules, error) {
	r := &rules{file: name}
	s := bufio.NewScanner(f)
	s.Buffer(nil, ignoreSize)
	for n := 1; s.Scan(); n++ {
		found, err := ignorefile.ReadAll(strings.NewReader(s.Text()))
		if err != nil {
			return nil, fmt.Errorf("read %s line %d: %w", name, n, err)
		}
		for _, p := range found {
			if _, err := patternmatcher.New([]string{p}); err != nil {
				return nil, fmt.Errorf("read %s line %d: %s: %w", name, n, p, err)
			}
			r.lines = append(r.lines, rule{line: n, text: strings.TrimSpace(s.Text()), pattern: p})
			r.patterns = append(r.patterns, p)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	r.findNegated()
	return r, nil
}

func (r *rules) findNegated() {
	for _, p := range r.patterns {
		p, ok := strings.CutPrefix(p, "!")
		if !ok {
			continue
		}
		p = withoutGlob(filepath.Clean(p))
		r.negated = append(r.negated, p)
		r.globbed = r.globbed || strings.ContainsAny(p, globChars)
	}
}

// globChars are the characters that make a pattern match more than its own text.
const globChars = `*[]?^\`

func withoutGlob(p string) string {
	return strings.TrimSuffix(strings.TrimSuffix(p, "/**"), "/*")
}

// mayReturn tells whether a "!" rule could bring back something below the folder dir, which is ignored.
func (r *rules) mayReturn(dir string) bool {
	if r.globbed {
		return true
	}
	for _, p := range r.negated {
		if strings.HasPrefix(p+"/", dir+"/") {
			return true
		}
	}
	return false
}

// explain names the rule that leaves path out, or returns "".
func (r *rules) explain(path string) string {
	if r == nil {
		return ""
	}
	var by *rule
	for i := range r.lines {
		p, negated := strings.CutPrefix(r.lines[i].pattern, "!")
		if negated == (by == nil) {
			continue
		}
		if m, err := patternmatcher.MatchesOrParentMatches(path, []string{p}); err != nil || !m {
			continue
		}
		by = &r.lines[i]
		if negated {
			by = nil
		}
	}
	if by == nil {
		return ""
	}
	return fmt.Sprintf("%s line %d (%s) leaves it out", r.file, by.line, by.text)
}

// Ignores says whether the ignore rules leave a source of COPY out, as far as that can be told from its name:
// where rules bring something back, they do not, as in BuildKit's lint rule.
func (t *Tree) Ignores(source string) bool {
	r := t.rules
	if r == nil || len(r.patterns) == 0 || len(r.negated) > 0 {
		return false
	}
	if source == "." || source == "/" {
		return slices.ContainsFunc(r.patterns, func(p string) bool { return p == "*" || p == "**" || p == "**/*" })
	}
	ignored, err := patternmatcher.MatchesOrParentMatches(source, r.patterns)
	return ignored && err == nil
}

// A filter applies rules during one walk; patternmatcher's own state makes it unfit for two at once.
type filter struct {
	*rules
	m *patternmatcher.PatternMatcher
}

func (r *rules) filter() *filter {
	if r == nil || len(r.patterns) == 0 {
		return nil
	}
	m, err := patternmatcher.New(r.patterns)
	if err != nil {
		return nil // each pattern was tried when it was read
	}
	return &filter{r, m}
}

func (f *filter) hides(path string, parent patternmatcher.MatchInfo) (bool, patternmatcher.MatchInfo, error) {
	if f == nil {
		return false, parent, nil
	}
	return f.m.MatchesUsingParentResults(path, parent)
}
