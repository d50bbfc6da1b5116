package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/trace"
)

// A mount is one --mount of a RUN.
type mount struct {
	*instructions.Mount
	target string  // absolute; empty: a secret that is a variable alone
	id     string  // of a cache folder, a secret or an ssh agent
	first  bool    // the first ssh agent of its RUN
	from   *node   // bind and cache: whose files; nil: none are needed
	real   *string // where its source lies in the files; nil: where Source says
}

// mountInputs are what a RUN's result depends on in a mount. What is in a cache folder, a secret or an agent is
// not part of it, nor is a cache folder's name.
type mountInputs struct {
	Type, Target, Source string
	ReadOnly             bool
	ID                   string // of a secret or an ssh agent
	Env                  string
	Required             bool
	Mode, UID, GID       *uint64
	Size                 int64
	from                 *files // of a bind mount, or what a cache folder begins with; nil: none
}

// mounts reads a RUN's --mount flags. Files of the build context are mounted as COPY would take them, ignore
// rules and owners included. They come in the order in which BuildKit mounts them: the outer before the inner.
func (b *Builder) mounts(ctx context.Context, s *stage, sc *scope, in *input, c *instructions.RunCommand) ([]mount, error) {
	var out []mount
	agents := 0
	for _, m := range instructions.GetMounts(c) {
		mt := mount{Mount: m, target: m.Target}
		var err error
		switch m.Type {
		case instructions.MountTypeBind, instructions.MountTypeCache, instructions.MountTypeTmpfs:
			err = b.fileMount(ctx, sc, in, &mt)
		case instructions.MountTypeSecret:
			err = mt.secret()
		case instructions.MountTypeSSH:
			err = mt.agent(agents)
			agents++
		default:
			err = fmt.Errorf("type=%s cannot be had in this version", m.Type)
		}
		if err == nil && (m.Type != instructions.MountTypeSecret || mt.target != "") {
			err = mt.place(s.workdir())
		}
		if err != nil {
			return nil, fmt.Errorf("--mount: %w", err)
		}
		out = append(out, mt)
	}
	slices.SortStableFunc(out, func(x, y mount) int { return cmp.Compare(x.target, y.target) })
	return out, nil
}

// place makes the target absolute.
func (m *mount) place(workdir string) error {
	if !path.IsAbs(m.target) {
		m.target = path.Join("/", workdir, m.target)
	}
	if m.target = path.Clean(m.target); m.target == "/" {
		return diag.WithHint(fmt.Errorf("target=%s is the root folder", m.Target), "name a folder: target=/mnt")
	}
	return nil
}

// fileMount finds whose files a bind or cache mount has.
func (b *Builder) fileMount(ctx context.Context, sc *scope, in *input, m *mount) (err error) {
	if m.Type == instructions.MountTypeTmpfs {
		return nil
	}
	if m.Type == instructions.MountTypeCache {
		if m.id = m.CacheID; m.id == "" {
			m.id = path.Clean(m.Target)
		}
		if room := b.opts.BuildArgs[cacheRoomArg]; room != "" {
			m.id = room + "/" + m.id
		}
	}
	switch {
	case m.From != "":
		if _, err := strconv.Atoi(m.From); err == nil {
			return diag.WithHint(fmt.Errorf("from=%s: a mount knows stages by their names alone", m.From), "name the stage: FROM … AS name")
		}
		m.from, err = b.fromNode(ctx, sc, in, m.From)
	case m.Type == instructions.MountTypeBind:
		m.real = new(string)
		m.from = b.contextNode(in, m.Source, m.real)
	}
	return err
}

// secret reads the options of a secret, by BuildKit's rules for what is left out.
func (m *mount) secret() error {
	if m.id = cmp.Or(m.Source, m.CacheID); m.id == "" {
		if m.target == "" {
			return errors.New("a secret needs an id or a target")
		}
		m.id = path.Base(m.target)
	}
	if m.Env == nil && m.target == "" {
		m.target = "/run/secrets/" + path.Base(m.id)
	}
	return nil
}

// agent reads the options of an ssh agent, the n-th of its RUN.
func (m *mount) agent(n int) error {
	if m.Source != "" {
		return diag.WithHint(errors.New("type=ssh has no source"), "id= names one of --ssh")
	}
	m.id, m.first = cmp.Or(m.CacheID, defaultAgent), n == 0
	if m.target == "" {
		m.target = fmt.Sprintf("/run/buildkit/ssh_agent.%d", n)
	}
	return nil
}

// defaultAgent is the id of an ssh agent that has none.
const defaultAgent = "default"

// withAgent adds the variable that names the first ssh agent's socket, unless it is set.
func withAgent(vars []string, mounts []mount) []string {
	const name = "SSH_AUTH_SOCK"
	if _, set := env(nil).setAll(vars).Get(name); set {
		return vars
	}
	if i := slices.IndexFunc(mounts, func(m mount) bool { return m.first }); i >= 0 {
		return append(slices.Clip(vars), name+"="+mounts[i].target)
	}
	return vars
}

// contextPartInputs are what a layer with a part of the build context depends on.
type contextPartInputs struct{ Content string }

// contextNode is a node with a source of the build context as its files, under the path that it tells in real:
// links in the source's path are followed.
func (b *Builder) contextNode(in *input, source string, real *string) *node {
	title := "load " + path.Join("/", source) + " from the build context"
	load := func(ctx context.Context) (out files, err error) {
		ctx, span := in.beginAs(ctx, title)
		defer func() { ended(span, err) }()
		tree, err := b.context()
		if err != nil {
			return out, err
		}
		if *real, err = tree.Real(source); err != nil {
			return out, err
		}
		matches, err := tree.Find([]string{*real}, buildctx.FindOptions{Parents: *real != "/", Literal: true})
		if err != nil {
			return out, err
		}
		hashing, look := trace.Start(ctx, "walk and hash")
		p := part{matches: matches}
		p.key, p.contents, err = tree.Contents(hashing, matches)
		look.End()
		if err != nil {
			return out, err
		}
		return b.do(ctx, &job{
			place: in.place, title: title, inputs: contextPartInputs{p.key}, parts: []part{p},
			write: func(ctx context.Context, dir, _ string) error {
				return buildctx.Copy(ctx, tree, matches, dir, "/", buildctx.CopyOptions{})
			},
		}, files{})
	}
	return &node{make: func(ctx context.Context, _ files, _ []files) (files, error) {
		f, err := load(ctx)
		return f, in.wrap(err)
	}}
}

func mountDeps(mounts []mount) []*node {
	var out []*node
	for _, m := range mounts {
		if m.from != nil {
			out = append(out, m.from)
		}
	}
	return out
}

func mountKeys(mounts []mount, deps []files) []mountInputs {
	var out []mountInputs
	for _, m := range mounts {
		in := mountInputs{
			Type: string(m.Type), Target: m.target, Source: m.Source, ReadOnly: m.ReadOnly,
			Required: m.Required, Mode: m.Mode, UID: m.UID, GID: m.GID, Size: m.SizeLimit,
		}
		if m.Type != instructions.MountTypeCache {
			in.ID = m.id
		}
		if m.Env != nil {
			in.Env = *m.Env
		}
		if m.from != nil {
			in.from, deps = &deps[0], deps[1:]
		}
		out = append(out, in)
	}
	return out
}
