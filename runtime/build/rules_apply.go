package build

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
)

// check runs the lint rules about what an expanded instruction does; s is the
// stage before it.
func (r *placedRules) check(b *Builder, s *stage, cmd any) error {
	switch c := cmd.(type) {
	case *instructions.EnvCommand:
		r.legacy(c.Name(), c.Env)
		for _, kv := range c.Env {
			r.secret("ENV", kv.Key)
		}
	case *instructions.LabelCommand:
		r.legacy(c.Name(), c.Labels)
	case *instructions.ArgCommand:
		for _, a := range c.Args {
			r.secret("ARG", a.Key)
		}
	case *instructions.WorkdirCommand:
		if !s.workdirSet && !path.IsAbs(c.Path) {
			r.run(&linter.RuleWorkdirRelativePath, linter.RuleWorkdirRelativePath.Format(c.Path))
		}
	case *instructions.CmdCommand:
		r.commandLine(s, c.Name(), c.ShellDependantCmdLine)
	case *instructions.EntrypointCommand:
		r.commandLine(s, c.Name(), c.ShellDependantCmdLine)
	case *instructions.ExposeCommand:
		for _, p := range c.Ports {
			r.exposed(p)
		}
	case *instructions.CopyCommand:
		if c.From == "" {
			return r.copied(b, "Copy", c.SourcePaths)
		}
	case *instructions.AddCommand:
		return r.copied(b, "Add", c.SourcePaths)
	}
	return nil
}

// commandLine runs the rule about CMD and ENTRYPOINT in shell form.
func (r *placedRules) commandLine(s *stage, keyword string, c instructions.ShellDependantCmdLine) {
	if c.PrependShell && len(s.image.Config.Shell) == 0 {
		r.run(&linter.RuleJSONArgsRecommended, linter.RuleJSONArgsRecommended.Format(keyword))
	}
}

// copied runs the rule about sources that the ignore file leaves out.
func (r *placedRules) copied(b *Builder, verb string, sources []string) error {
	tree, err := b.context()
	if err != nil {
		return err
	}
	for _, src := range sources {
		if verb == "Add" && IsRemote(src) {
			continue
		}
		src = filepath.Clean(src)
		if tree.Ignores(src) {
			r.run(&linter.RuleCopyIgnoredFile, linter.RuleCopyIgnoredFile.Format(verb, src))
		}
	}
	return nil
}

// once runs the rule that of some instructions a stage needs only one, and
// remembers where the last one stood: that is the one which has no effect.
func (s *stage) once(l *linting, at place, cmd any) {
	c, ok := cmd.(instructions.Command)
	if l == nil || !ok {
		return
	}
	switch cmd.(type) {
	case *instructions.CmdCommand, *instructions.EntrypointCommand, *instructions.HealthCheckCommand:
	default:
		return
	}
	kind := fmt.Sprintf("%T", cmd) // an ONBUILD trigger's place is the FROM
	if before, ok := s.last[kind]; ok {
		// The comments of the later instruction say whether the rule is skipped.
		rules := l.at(at)
		rules.lines = l.at(before).lines
		rules.run(&linter.RuleMultipleInstructionsDisallowed, linter.RuleMultipleInstructionsDisallowed.Format(c.Name()))
	}
	s.last = maps.Clone(s.last)
	if s.last == nil {
		s.last = map[string]place{}
	}
	s.last[kind] = at
}
