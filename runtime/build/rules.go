package build

import (
	"maps"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/util/suggest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/internal/pattern"
	"github.com/shbuild/shbuild/registry/reference"
)

// The lint rules about a file as it is written, and about FROM. Those about an
// instruction's form alone are in BuildKit's parser, those about what an
// instruction does in rules_apply.go.

// form runs the rules about names of stages and the letter case of keywords.
func (l *linting) form(steps []plannedStep) {
	names := map[string]bool{}
	words := make([]string, len(steps))
	lower, upper := 0, 0
	begun := false
	for i, step := range steps {
		from, isFrom := step.cmd.(*instructions.Stage)
		begun = begun || isFrom
		if !begun {
			continue // global ARGs do not count
		}
		words[i] = keyword(step)
		switch words[i] {
		case strings.ToLower(words[i]):
			lower++
		case strings.ToUpper(words[i]):
			upper++
		}
		if isFrom && from.Name != "" {
			l.stageName(step.at, from.Name, names)
		}
	}
	for i, word := range words {
		rules := l.at(steps[i].at).whole(l)
		switch {
		case word == "":
		case lower > upper && strings.ToLower(word) != word:
			rules.run(&linter.RuleConsistentInstructionCasing, linter.RuleConsistentInstructionCasing.Format(word, "lowercase"))
		case lower <= upper && strings.ToUpper(word) != word:
			rules.run(&linter.RuleConsistentInstructionCasing, linter.RuleConsistentInstructionCasing.Format(word, "uppercase"))
		}
	}
}

// whole is the rules without what the comments at the place skip: BuildKit
// does not look at them for rules about the whole file.
func (r *placedRules) whole(l *linting) *placedRules { return &placedRules{l.rules, r.lines} }

// keyword is an instruction's first word as it is written.
func keyword(step plannedStep) string {
	switch c := step.cmd.(type) {
	case *instructions.Stage:
		return c.OrigCmd
	case instructions.Command:
		return c.Name()
	}
	return step.at.keyword
}

func (l *linting) stageName(at place, name string, known map[string]bool) {
	rules := l.at(at).whole(l)
	if name == scratchName || name == "context" {
		rules.run(&linter.RuleReservedStageName, linter.RuleReservedStageName.Format(name))
	}
	if known[name] {
		rules.run(&linter.RuleDuplicateStageName, linter.RuleDuplicateStageName.Format(name))
	}
	known[name] = true
}

// defaults runs the rule that a base's name must be one without any build-arg.
func (l *linting) defaults(p *plain, steps []plannedStep) {
	vars := p.start.globals
	begun := false
	for _, step := range steps {
		switch c := step.cmd.(type) {
		case *instructions.ArgCommand:
			if begun {
				continue
			}
			for _, a := range c.Args {
				if a.Value == nil {
					continue
				}
				v, err := instr.Word(*a.Value, vars, p.b.escape)
				if err != nil {
					return // it is refused elsewhere, unless a build-arg goes before it
				}
				vars = vars.set(a.Key, v)
			}
		case *instructions.Stage:
			begun = true
			name, err := instr.Word(c.BaseName, vars, p.b.escape)
			if err != nil {
				return
			}
			if _, err := reference.Parse(name); err != nil && name != scratchName {
				l.at(step.at).whole(l).run(&linter.RuleInvalidDefaultArgInFrom, linter.RuleInvalidDefaultArgInFrom.Format(c.BaseName))
			}
		}
	}
}

// fromName runs the rule about variables in FROM's name.
func (l *linting) fromName(p *plain, at place, name instr.Match) {
	known := p.start.globals.Keys()
	for _, a := range p.args {
		known = append(known, a.name)
	}
	for _, unset := range slices.Sorted(maps.Keys(name.Unmatched)) {
		if slices.Contains(known, unset) {
			continue
		}
		near, _ := suggest.Search(unset, known, true)
		l.at(at).run(&linter.RuleUndefinedArgInFrom, linter.RuleUndefinedArgInFrom.Format(unset, near))
	}
}

// fromPlatform runs the rules about FROM's --platform.
func (l *linting) fromPlatform(p *plain, at place, from *instructions.Stage, m instr.Match) {
	l.fromName(p, at, m)
	rules := l.at(at)
	if len(m.Matched) == 0 && len(m.Unmatched) == 0 {
		is, err := platforms.Parse(m.Result)
		if err == nil && !strings.Contains(from.Name, is.OS) && !strings.Contains(from.Name, is.Architecture) {
			rules.run(&linter.RuleFromPlatformFlagConstDisallowed, linter.RuleFromPlatformFlagConstDisallowed.Format(m.Result))
		}
		return
	}
	const target = "TARGETPLATFORM"
	if _, ok := m.Matched[target]; !ok || len(m.Matched) != 1 || len(m.Unmatched) != 0 {
		return
	}
	if v, _ := p.start.globals.Get(target); v == m.Result {
		rules.run(&linter.RuleRedundantTargetPlatform, linter.RuleRedundantTargetPlatform.Format(from.Platform))
	}
}

// basePlatform runs the rule that an image is of the platform that was asked for.
func (r *placedRules) basePlatform(name string, wanted, is ocispec.Platform) {
	if wanted.OS == is.OS && wanted.Architecture == is.Architecture {
		return
	}
	text := func(p ocispec.Platform) string { return platforms.FormatAll(platforms.Normalize(p)) }
	r.run(&linter.RuleInvalidBaseImagePlatform, linter.RuleInvalidBaseImagePlatform.Format(name, text(wanted), text(is)))
}

// secretName is a name, or a first, last or middle word of one, that tells of
// a secret; harmless is one that says that it is none.
var (
	secretName = pattern.Lazy(`(?i)(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)`)
	harmless   = pattern.Lazy(`(?i)(?:_|^)(?:public|file|version)(?:_|$)`)
)

func (r *placedRules) secret(keyword, name string) {
	if secretName().MatchString(name) && !harmless().MatchString(name) {
		r.run(&linter.RuleSecretsUsedInArgOrEnv, linter.RuleSecretsUsedInArgOrEnv.Format(keyword, name))
	}
}

// unset runs the rule about a variable that has no value.
func (r *placedRules) unset(s *stage, name string) {
	if r == nil {
		return
	}
	for _, a := range s.args {
		if a.Key == name {
			return
		}
	}
	near, _ := suggest.Search(name, s.env.Keys(), true)
	r.run(&linter.RuleUndefinedVar, linter.RuleUndefinedVar.Format(name, near))
}

func (r *placedRules) legacy(keyword string, pairs instructions.KeyValuePairs) {
	for _, kv := range pairs {
		if kv.NoDelim {
			r.run(&linter.RuleLegacyKeyValueFormat, linter.RuleLegacyKeyValueFormat.Format(keyword))
		}
	}
}

// exposed runs the rules about a port.
func (r *placedRules) exposed(spec string) {
	ip, host, port := splitHost(spec)
	if _, proto, _ := strings.Cut(port, "/"); proto != strings.ToLower(proto) {
		r.run(&linter.RuleExposeProtoCasing, linter.RuleExposeProtoCasing.Format(spec))
	}
	if ip != "" || host != "" {
		r.run(&linter.RuleExposeInvalidFormat, linter.RuleExposeInvalidFormat.Format(spec))
	}
}
