package build

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/instr"
)

// How the stages of a plain Dockerfile name each other.

// find returns the latest stage of a name in any letter case, or nil.
func (p *plain) find(name string) *plannedStage {
	return p.baseStage(strings.ToLower(name))
}

// baseStage returns the latest stage so far that FROM names, or nil. Unlike
// --from and --target, FROM does not find "build" as "Build".
func (p *plain) baseStage(name string) *plannedStage {
	for i := len(p.stages) - 1; i >= 0; i-- {
		if s := p.stages[i]; s.from.Name != "" && s.from.Name == name {
			return s
		}
	}
	return nil
}

// named returns the stage that a --from names, by name or number, wherever it
// stands; nil: no stage, so an image.
func (p *plain) named(from string) (*plannedStage, error) {
	n, err := strconv.Atoi(from)
	if err != nil {
		return p.find(from), nil
	}
	if n < 0 || n >= len(p.stages) {
		return nil, fmt.Errorf("--from=%s: there is no stage of that number", from)
	}
	return p.stages[n], nil
}

// earlier is named for stage s, which can use earlier stages only.
func (p *plain) earlier(from string, s *plannedStage) (*plannedStage, error) {
	other, err := p.named(from)
	if other != nil && other.index >= s.index {
		return nil, diag.WithHint(fmt.Errorf("--from=%s: the stage comes only later", from), "put the stage before the one that copies from it")
	}
	return other, err
}

// uses are the stages that a step copies from or mounts.
func (p *plain) uses(step plannedStep) ([]*plannedStage, error) {
	switch c := step.cmd.(type) {
	case *instructions.CopyCommand:
		if c.From == "" {
			return nil, nil
		}
		if err := instr.CheckFrom(c.From, p.b.escape); err != nil {
			return nil, err
		}
		s, err := p.named(c.From)
		if s == nil || err != nil {
			return nil, err
		}
		return []*plannedStage{s}, nil
	case *instructions.RunCommand:
		var out []*plannedStage
		for _, m := range instructions.GetMounts(c) {
			if s := p.find(m.From); s != nil && m.From != "" { // here a number is a name
				out = append(out, s)
			}
		}
		return out, nil
	}
	return nil, nil
}

var errCircle = errors.New("the stages depend on each other in a circle")

// checkReferences refuses names of stages that cannot be right, needed or not:
// numbers that there are not, and circles. A stage that comes later is refused
// where its user is needed.
func (p *plain) checkReferences() error {
	const (
		open = iota + 1
		done
	)
	state := map[*plannedStage]int{}
	var visit func(s *plannedStage) error
	visit = func(s *plannedStage) error {
		state[s] = open
		for _, step := range s.steps {
			others, err := p.uses(step)
			if err != nil {
				return step.at.wrap(err)
			}
			for _, other := range others {
				if state[other] == open {
					return step.at.wrap(errCircle)
				}
				if state[other] == 0 {
					if err := visit(other); err != nil {
						return err
					}
				}
			}
		}
		state[s] = done
		return nil
	}
	for _, s := range p.stages {
		if state[s] == 0 {
			if err := visit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// reachable are the stages that a stage needs, itself first.
func (p *plain) reachable(target *plannedStage) []*plannedStage {
	var out []*plannedStage
	seen := map[*plannedStage]bool{}
	var visit func(s *plannedStage)
	visit = func(s *plannedStage) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		out = append(out, s)
		visit(s.base)
		for _, step := range s.steps {
			others, _ := p.uses(step) // checked when the file was planned
			for _, other := range others {
				visit(other)
			}
		}
	}
	visit(target)
	return out
}
