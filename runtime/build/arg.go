package build

import (
	"maps"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/dsl/instr"
)

// platformArgs are the global ARGs that are there without being declared.
func platformArgs(host, target ocispec.Platform, stage string, given map[string]string) env {
	if stage == "" {
		stage = "default"
	}
	var e env
	for _, kv := range [][2]string{
		{"BUILDPLATFORM", platforms.Format(host)},
		{"BUILDOS", host.OS},
		{"BUILDOSVERSION", host.OSVersion},
		{"BUILDARCH", host.Architecture},
		{"BUILDVARIANT", host.Variant},
		{"TARGETPLATFORM", platforms.FormatAll(target)},
		{"TARGETOS", target.OS},
		{"TARGETOSVERSION", target.OSVersion},
		{"TARGETARCH", target.Architecture},
		{"TARGETVARIANT", target.Variant},
		{"TARGETSTAGE", stage},
	} {
		if v, ok := given[kv[0]]; ok {
			kv[1] = v
		}
		e = e.set(kv[0], kv[1])
	}
	return e
}

// proxyArgs are build-args that every RUN sees without an ARG, and that no
// image keeps.
func proxyArgs(given map[string]string) env {
	var e env
	for _, upper := range []string{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"} {
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if strings.EqualFold(name, upper) {
				e = e.set(upper, given[name]).set(strings.ToLower(upper), given[name])
			}
		}
	}
	return e
}

// arg carries out ARG. A build-arg goes before the default; before the first
// FROM it makes a global ARG, which a stage takes over by ARG without a
// default. plain: the defaults are to be expanded; else the shell has done it.
func (b *Builder) arg(s *stage, c *instructions.ArgCommand, plain bool, rules *placedRules) error {
	var told []string
	for _, a := range c.Args {
		scope := s.env
		if !s.begun {
			scope = s.globals
		}
		value, err := b.argValue(s, a, scope, plain, rules)
		if err != nil {
			return err
		}
		if !s.begun && a.Key == sourceDateEpoch {
			if value, err = b.globalEpoch(value); err != nil {
				return err
			}
		}
		a.Value = value
		text := a.Key
		if value != nil {
			text += "=" + *value
		}
		told = append(told, text)
		switch {
		case !s.begun && value != nil:
			s.globals = s.globals.set(a.Key, *value)
		case s.begun:
			if value != nil {
				s.env = s.env.set(a.Key, *value)
			}
			s.args = append(s.args, a)
		}
	}
	if s.begun {
		s.commit("ARG "+strings.Join(told, " "), false)
	}
	return nil
}

func (b *Builder) argValue(s *stage, a instructions.KeyValuePairOptional, scope env, plain bool, rules *placedRules) (*string, error) {
	v, ok := b.buildArg(a.Key)
	switch {
	case ok && a.Key != sourceDateEpoch:
		return &v, nil
	case ok && b.epoch != nil:
		return epochValue(b.epoch), nil
	case ok && !s.begun:
		return nil, nil // an empty one takes the default away
	}
	if a.Value == nil {
		if v, ok := s.globals.Get(a.Key); ok && s.begun {
			return &v, nil
		}
		return nil, nil
	}
	if !plain {
		return a.Value, nil
	}
	m, err := instr.WordNoting(*a.Value, scope, b.escape)
	for _, name := range slices.Sorted(maps.Keys(m.Unmatched)) {
		rules.unset(s, name)
	}
	return &m.Result, err
}

// buildArg returns a --build-arg, and notes that somebody asked for it.
func (b *Builder) buildArg(name string) (string, bool) {
	v, ok := b.opts.BuildArgs[name]
	b.mu.Lock()
	b.usedArgs[name] = ok
	b.mu.Unlock()
	return v, ok
}

// askedArgs are the names of the ARGs so far.
func (b *Builder) askedArgs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.usedArgs))
}

// unusedArgs are the build-args that no ARG asked for, but for those that
// need none.
func (b *Builder) unusedArgs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	free := platformArgs(b.host, b.target, "", nil)
	proxies := proxyArgs(b.opts.BuildArgs)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(b.opts.BuildArgs)) {
		_, isFree := free.Get(name)
		_, isProxy := proxies.Get(name)
		if !b.usedArgs[name] && !isFree && !isProxy && !forBuilder(name) {
			out = append(out, name)
		}
	}
	return out
}
