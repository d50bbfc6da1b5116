package build

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/reason"
)

// longest is how much of an input's value is kept, in bytes: of a longer one there is its sum.
const longest = 4096

// told are the inputs as they are kept: without what is long, and what is nobody's business.
func (b *Builder) told(in cache.Inputs) cache.Inputs {
	out := make(cache.Inputs, len(in))
	for i, x := range in {
		name, isVariable := strings.CutPrefix(x.Name, reason.Variable)
		if len(x.Value) > longest || isVariable && secretName().MatchString(name) || b.hasSecret(x.Value) {
			x = x.Hidden()
		}
		out[i] = x
	}
	return out
}

// sawSecret remembers a secret that this build has read: what holds it is not kept.
func (b *Builder) sawSecret(data []byte) {
	if data = bytes.TrimSpace(data); len(data) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, data)
}

func (b *Builder) hasSecret(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.seen {
		if strings.Contains(text, string(s)) {
			return true
		}
	}
	return false
}

// madeOf is what --why tells of a job.
func (b *Builder) madeOf(j *job, in cache.Inputs, created time.Time) cache.Made {
	m := cache.Made{
		Inputs: b.told(in), Build: b.building, Text: j.about(), Created: created, Session: b.session, Forced: j.refused,
		Slots: b.slots(j),
	}
	for _, p := range j.parts {
		m.Sources = append(m.Sources, p.paths())
	}
	if j.source != nil {
		m.File, m.Line = j.source.Name, j.span.Start.Line
	}
	return m
}

// about is the job's instruction on one line; of work that no instruction is for, its title.
func (j *job) about() string {
	if j.text == "" {
		return j.title
	}
	return titleOf(j.text)
}

// paths are what a part copies, for people.
func (p part) paths() []string {
	var out []string
	for _, m := range p.matches[:min(len(p.matches), maxPaths)] {
		out = append(out, m.Path)
	}
	return out
}

// maxPaths is how many paths of a source are kept; more of them make a pattern's.
const maxPaths = 1000

// slots are the names under which an entry like a job's is looked for: its place in the file, and its text.
func (b *Builder) slots(j *job) []string {
	text := cmp.Or(j.text, j.title)
	return []string{
		slot("place", b.building, fmt.Sprintf("%T", j.inputs), cmp.Or(j.slot, text)),
		slot("text", fmt.Sprintf("%T", j.inputs), text),
	}
}

func slot(what ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(what, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// writeDown keeps what a step was made of, beside the build. left says why the cache has no entry of it; empty: it has
// one.
func (b *Builder) writeDown(key string, m cache.Made, parts []part, left string) {
	b.remembering.Go(func() {
		if err := b.keepMade(key, m, parts, left); err != nil {
			b.progress.Note(fmt.Sprintf("warning: --why will know nothing of this step: %v", err))
		}
	})
}

func (b *Builder) keepMade(key string, m cache.Made, parts []part, left string) error {
	if left != "" {
		if _, ok := b.cache.Step(key); ok {
			return nil // one that succeeded tells more
		}
		m.Left = left
	}
	if m.Forced == "" {
		if before, ok := b.cache.Made(key); ok {
			m.Forced = goneBecause(before)
		}
	}
	for _, p := range parts {
		if p.contents == nil {
			continue
		}
		if err := b.cache.PutContent(p.key, p.contents); err != nil {
			return err
		}
	}
	return b.cache.PutMade(key, m)
}

// What --why says of steps that were carried out though the cache knows their inputs.
const (
	forcedAll    = "--no-cache"
	forcedStage  = "--no-cache-filter"
	layerGone    = "its layer was gone from the state folder"
	entryGone    = "its entry was gone from the cache"
	failedBefore = "the last time it failed, and what fails is not kept"
	hadSecret    = "its output has a secret in it, so that it is never kept"
	probedBefore = "a RUN that fails as an answer is asked anew in each build, and one that must succeed is not answered by it"
)

// goneBecause says why there is a record of an entry and no entry.
func goneBecause(m cache.Made) string { return cmp.Or(m.Left, entryGone) }

// buildName names the file that is built, for steps of the same place.
func (b *Builder) buildName(source string) string {
	switch {
	case b.opts.Remote != "":
		return b.opts.Remote + " " + source
	case b.opts.Dockerfile == "":
		return filepath.Join(b.opts.Context, source)
	}
	if abs, err := filepath.Abs(b.opts.Dockerfile); err == nil {
		return abs
	}
	return b.opts.Dockerfile
}
