package reason

import (
	"fmt"
	"path"

	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/cache"
)

// files that are told of by name; more are counted.
const namedFiles = 5

// content says what is different about what was copied: which files, where that is known.
func (f *Finder) content(d difference, before, now *cache.Made) []Reason {
	own := func(text string) []Reason { return []Reason{{Text: text}} }
	switch {
	case d.before == nil:
		return own("there are more sources")
	case d.now == nil:
		return own("there are fewer sources")
	}
	old, oerr := f.Records.Content(d.before.Value)
	is, nerr := f.Records.Content(d.now.Value)
	if oerr != nil || nerr != nil {
		if len(d.before.Value) == 64 && len(d.now.Value) == 64 || d.before.Sum != "" || d.now.Sum != "" {
			return own("what is copied has other content")
		}
		a, b := apart(d.before.Value, d.now.Value)
		return own(fmt.Sprintf("what is copied was %s, is %s", a, b))
	}
	files, err := buildctx.Differences(old, is)
	if err != nil || len(files) == 0 {
		return own("what is copied has other content")
	}
	var out []Reason
	for _, file := range files[:min(len(files), namedFiles)] {
		sources := now.Sources
		if file.What == "was removed" {
			sources = before.Sources
		}
		out = append(out, Reason{Text: pathOf(file, sources, d.nth) + " " + file.What})
	}
	if n := len(files) - namedFiles; n > 0 {
		out = append(out, Reason{Text: fmt.Sprintf("and %d more files differ", n)})
	}
	return out
}

// pathOf is a file's path as COPY's sources have it.
func pathOf(file buildctx.Difference, sources [][]string, nth int) string {
	if nth < len(sources) && file.Source < len(sources[nth]) {
		source := sources[nth][file.Source]
		if file.Alone {
			return source
		}
		return path.Join(source, file.Path)
	}
	return file.Path
}
