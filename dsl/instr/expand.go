package instr

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Expand returns a copy of cmd in which variables are replaced as BuildKit replaces
// them: in FROM's name and platform, in the values of ENV, LABEL and ARG, in the
// operands of COPY, ADD, WORKDIR, USER, EXPOSE, VOLUME and STOPSIGNAL, in --chown,
// --chmod and --checksum, in RUN's --mount, and in heredoc bodies whose name is not
// quoted. The texts of RUN, CMD, ENTRYPOINT, HEALTHCHECK, SHELL and ONBUILD stay as
// they are. escape 0 is the backslash.
//
// Of an ARG with several names a later default sees the earlier defaults; a caller
// that has a build-arg for one of them expands each default by itself with Word.
func Expand(cmd any, env shell.EnvGetter, escape rune) (any, error) {
	return ExpandNoting(cmd, env, escape, nil)
}

// ExpandNoting is Expand that tells unset, which may be nil, the variables in the instruction
// that are not set.
func ExpandNoting(cmd any, env shell.EnvGetter, escape rune, unset func(name string)) (any, error) {
	e := expander{env: env, escape: escape, unset: unset}
	switch c := cmd.(type) {
	case *instructions.Stage:
		return e.from(*c)
	case *instructions.EnvCommand:
		n := *c
		n.Env = slices.Clone(c.Env)
		return &n, n.Expand(e.word)
	case *instructions.LabelCommand:
		n := *c
		n.Labels = slices.Clone(c.Labels)
		return &n, n.Expand(e.word)
	case *instructions.ArgCommand:
		return e.arg(*c)
	case *instructions.CopyCommand:
		return e.copy(*c)
	case *instructions.AddCommand:
		n := *c
		n.SourcesAndDest = cloneSources(c.SourcesAndDest)
		if err := n.Expand(e.word); err != nil {
			return nil, err
		}
		return &n, n.ExpandRaw(e.body)
	case *instructions.WorkdirCommand:
		n := *c
		return &n, n.Expand(e.word)
	case *instructions.UserCommand:
		n := *c
		return &n, n.Expand(e.word)
	case *instructions.StopSignalCommand:
		n := *c
		return &n, n.Expand(e.word)
	case *instructions.VolumeCommand:
		n := *c
		n.Volumes = slices.Clone(c.Volumes)
		return &n, n.Expand(e.word)
	case *instructions.ExposeCommand:
		return e.expose(*c)
	case *instructions.RunCommand:
		return e.run(c)
	}
	return e.rest(cmd)
}

func (e expander) from(c instructions.Stage) (any, error) {
	name, err := e.word(c.BaseName)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, fmt.Errorf("base name (%s) should not be blank", c.BaseName)
	}
	if c.Platform != "" {
		platform, err := e.word(c.Platform)
		if err != nil {
			return nil, fmt.Errorf("platform %s: %w", c.Platform, err)
		}
		if platform == "" {
			return nil, fmt.Errorf("empty platform value from expression %s", c.Platform)
		}
		c.Platform = platform
	}
	c.BaseName = name
	c.Commands = slices.Clone(c.Commands)
	return &c, nil
}

func (e expander) arg(c instructions.ArgCommand) (any, error) {
	c.Args = slices.Clone(c.Args)
	seen := &overlay{under: e.env}
	for i, a := range c.Args {
		if a.Value == nil {
			continue
		}
		v, err := Word(*a.Value, seen, e.escape)
		if err != nil {
			return nil, err
		}
		c.Args[i].Value = &v
		seen.set(a.Key, v)
	}
	return &c, nil
}

func (e expander) copy(c instructions.CopyCommand) (any, error) {
	if err := CheckFrom(c.From, e.escape); err != nil {
		return nil, err
	}
	c.SourcesAndDest = cloneSources(c.SourcesAndDest)
	if err := c.Expand(e.word); err != nil {
		return nil, err
	}
	return &c, c.ExpandRaw(e.body)
}

// CheckFrom refuses variables in COPY's --from.
func CheckFrom(from string, escape rune) error {
	plain, err := Word(from, shell.EnvsFromSlice(nil), escape)
	if err == nil && plain != from {
		err = errors.New("variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround")
	}
	return err
}

func (e expander) expose(c instructions.ExposeCommand) (any, error) {
	var ports []string
	for _, p := range c.Ports {
		words, err := e.lex().ProcessWords(p, e.env)
		if err != nil {
			return nil, err
		}
		ports = append(ports, words...)
	}
	c.Ports = ports
	return &c, nil
}

// run expands a RUN's mounts. BuildKit keeps them behind a pointer that copies of the
// command share, so the copy is read from the text again.
func (e expander) run(c *instructions.RunCommand) (any, error) {
	if !slices.Contains(c.FlagsUsed, "mount") {
		n := *c
		return &n, nil
	}
	var text strings.Builder
	text.WriteString(c.String() + "\n")
	for _, f := range c.Files {
		text.WriteString(f.Data + f.Name + "\n")
	}
	again, err := Parse(text.String(), e.escape)
	if err != nil {
		return nil, err
	}
	n, ok := again.(*instructions.RunCommand)
	if !ok {
		return nil, fmt.Errorf("read RUN again: got %T", again)
	}
	return n, n.Expand(e.word)
}

// rest copies the values in which nothing is expanded.
func (e expander) rest(cmd any) (any, error) {
	switch c := cmd.(type) {
	case *instructions.CmdCommand:
		n := *c
		return &n, nil
	case *instructions.EntrypointCommand:
		n := *c
		return &n, nil
	case *instructions.HealthCheckCommand:
		n := *c
		return &n, nil
	case *instructions.ShellCommand:
		n := *c
		return &n, nil
	case *instructions.OnbuildCommand:
		n := *c
		return &n, nil
	case *instructions.MaintainerCommand:
		n := *c
		return &n, nil
	case *Exec:
		n := *c
		return &n, nil
	case *Cwd:
		dir, err := e.word(c.Dir)
		return &Cwd{Dir: dir}, err
	case *UserNS, *Mem:
		return cmd, nil
	case *Commit:
		names, err := e.words(c.Names)
		return &Commit{Names: names}, err
	case *Push:
		names, err := e.words(c.Names)
		return &Push{Names: names}, err
	case *Export:
		words, err := e.words([]string{c.Src, c.Dest})
		if err != nil {
			return nil, err
		}
		return &Export{Src: words[0], Dest: words[1]}, nil
	}
	return nil, fmt.Errorf("expand %T: %w", cmd, errExpanded)
}

func (e expander) words(in []string) ([]string, error) {
	out := make([]string, len(in))
	for i, w := range in {
		var err error
		if out[i], err = e.word(w); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func cloneSources(s instructions.SourcesAndDest) instructions.SourcesAndDest {
	s.SourcePaths = slices.Clone(s.SourcePaths)
	s.SourceContents = slices.Clone(s.SourceContents)
	return s
}

// overlay is an environment with a few names of its own.
type overlay struct {
	under shell.EnvGetter
	names []string
	own   map[string]string
}

func (o *overlay) set(name, value string) {
	if o.own == nil {
		o.own = map[string]string{}
	}
	if _, ok := o.own[name]; !ok {
		o.names = append(o.names, name)
	}
	o.own[name] = value
}

func (o *overlay) Get(name string) (string, bool) {
	if v, ok := o.own[name]; ok {
		return v, true
	}
	return o.under.Get(name)
}

func (o *overlay) Keys() []string {
	return append(slices.Clone(o.names), o.under.Keys()...)
}
