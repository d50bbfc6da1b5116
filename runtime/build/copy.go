package build

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/rootfs"
	"github.com/shbuild/shbuild/runtime/trace"
)

// copying is COPY or ADD, expanded.
type copying struct {
	word     string // "COPY" or "ADD"
	from     string // --from; empty: the build context
	sources  []string
	contents []instructions.SourceContent // heredocs
	dest     string                       // as written
	chown    string
	chmod    string
	excludes []string
	parents  bool
	link     bool
	unpack   bool

	keepGitDir   *bool  // of a repository; nil: its address says
	checksum     string // of what is fetched
	unpackRemote bool   // what is fetched by URL, too
	remotes      map[string]*remoteSource
}

func copyFromCopy(c *instructions.CopyCommand) *copying {
	return &copying{
		word: "COPY", from: c.From, sources: c.SourcePaths, contents: c.SourceContents, dest: c.DestPath,
		chown: c.Chown, chmod: c.Chmod, excludes: c.ExcludePatterns, parents: c.Parents, link: c.Link,
	}
}

func copyFromAdd(c *instructions.AddCommand) *copying {
	unpack := c.Unpack == nil || *c.Unpack
	return &copying{
		word: "ADD", sources: c.SourcePaths, contents: c.SourceContents, dest: c.DestPath,
		chown: c.Chown, chmod: c.Chmod, excludes: c.ExcludePatterns, link: c.Link, unpack: unpack,
		keepGitDir: c.KeepGitDir, checksum: c.Checksum, unpackRemote: c.Unpack != nil && *c.Unpack,
	}
}

// copyInputs are what the layer of a COPY or ADD depends on.
type copyInputs struct {
	Content  []string // digests of the sources, or what else tells them apart
	Contents []instructions.SourceContent
	Dest     string
	Chown    string
	Chmod    string
	Link     bool
	Unpack   bool
	Excludes []string // these two change which folders get times of their own
	Parents  []string // the sources of --parents
}

// copy carries out COPY and ADD: straight from the source's folder into a
// fresh upper folder, without a container.
func (b *Builder) copy(ctx context.Context, s *stage, sc *scope, in *input, c *copying) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := c.checkOwner(s.node); err != nil {
		return err
	}
	src, err := b.source(ctx, sc, in, c)
	if err != nil {
		return err
	}
	dest := c.target(s.workdir())
	title := sc.titles.title(in.title())
	in.step(s)
	n := &node{below: s.node, make: func(ctx context.Context, below files, deps []files) (files, error) {
		var from files
		if src != nil {
			from = deps[0]
		}
		f, err := b.copied(ctx, in, title, c, dest, from, src != nil, below)
		return f, in.wrap(err)
	}}
	if src != nil {
		n.deps = []*node{src}
	}
	s.node = n
	s.commit(c.told()+" # buildkit", true)
	return nil
}

// check refuses what this version cannot do.
func (c *copying) check() error {
	if err := buildctx.CheckMode(c.chmod); err != nil {
		return err
	}
	for _, doc := range c.contents {
		if name := path.Join("/", doc.Path); path.Dir(name) != "/" || name == "/" {
			return diag.WithHint(fmt.Errorf("<<%s: the word of a heredoc is the name of a file, without folders", doc.Path),
				"give the folder in the destination: "+c.word+" <<"+path.Base(doc.Path)+" "+c.dest)
		}
	}
	return c.readRemotes()
}

// linked says whether the layer is made without the files below it. As in BuildKit --chmod takes --link's meaning away.
func (c *copying) linked() bool { return c.link && c.chmod == "" }

// checkOwner refuses names where there are no files to look them up in.
func (c *copying) checkOwner(below *node) error {
	if !rootfs.ChownByName(c.chown) {
		return nil
	}
	switch {
	case c.link:
		return diag.WithHint(fmt.Errorf("--chown=%s: --link sees no files of the image, and so no names of users and groups", c.chown),
			"use numbers, as in --chown=1000:1000, or leave --link out")
	case below == nil:
		return diag.WithHint(fmt.Errorf("--chown=%s: an empty stage has no names of users and groups", c.chown),
			"use numbers, as in --chown=1000:1000, or copy an /etc/passwd and /etc/group first")
	}
	return nil
}

// source is the node that --from names, a stage's or an image's; nil: the
// build context.
func (b *Builder) source(ctx context.Context, sc *scope, in *input, c *copying) (*node, error) {
	if c.from == "" {
		return nil, nil
	}
	return b.fromNode(ctx, sc, in, c.from)
}

func (b *Builder) fromNode(ctx context.Context, sc *scope, in *input, name string) (*node, error) {
	st, err := sc.stage(name)
	if err != nil {
		return nil, err
	}
	if st != nil {
		if st.node == nil {
			return &node{}, nil // a stage from scratch with nothing in it
		}
		return st.node, nil
	}
	if _, err := strconv.Atoi(name); err == nil {
		return nil, diag.WithHint(fmt.Errorf("--from=%s: there is no stage of that number", name), "name the stage: FROM … AS name")
	}
	if name == scratchName {
		return &node{}, nil
	}
	img, err := b.resolve(name, "")
	if err != nil {
		return nil, fmt.Errorf("--from=%s: %w", name, err)
	}
	return b.unpackNode(img, in, "FROM "+name), nil
}

// target is the destination as a path in the image. A slash at its end is
// kept, since it makes it a folder.
func (c *copying) target(workdir string) string {
	dest := c.dest
	if dest == "" || dest == "." {
		dest = "./"
	}
	out := dest
	if !path.IsAbs(out) {
		out = path.Join(workdir, out)
	}
	switch {
	case strings.HasSuffix(dest, "/") && !strings.HasSuffix(out, "/"):
		out += "/"
	case strings.HasSuffix(dest, "/.") && !strings.HasSuffix(out, "/."):
		out = strings.TrimSuffix(out, "/") + "/."
	}
	return out
}

// told is the instruction as the history tells it.
func (c *copying) told() string {
	text := c.word
	if c.parents {
		text += " --parents"
	}
	if c.chown != "" {
		text += " --chown=" + c.chown
	}
	if c.chmod != "" {
		text += " --chmod=" + c.chmod
	}
	for _, src := range c.sources {
		text += " " + src
	}
	for _, doc := range c.contents {
		text += " <<" + doc.Path
	}
	return text + " " + c.dest
}

// copied finds the sources, and makes the layer unless the cache has one of
// the same content.
func (b *Builder) copied(ctx context.Context, in *input, title string, c *copying, dest string, from files, isStage bool, below files) (out files, err error) {
	ctx, span := in.begin(ctx)
	defer func() { ended(span, err) }()
	var parts []part
	if isStage {
		src := &stageSource{b: b, c: c, from: from}
		defer func() { err = errors.Join(err, src.close()) }()
		p, err := src.part(ctx)
		if err != nil {
			return out, err
		}
		parts = []part{p}
	} else {
		tree, err := b.context()
		if err != nil {
			return out, err
		}
		if parts, err = b.parts(ctx, c, tree); err != nil {
			return out, err
		}
	}
	j := &job{place: in.place, title: title, inputs: c.inputs(parts, dest), parts: parts, write: func(ctx context.Context, dir, below string) error {
		ctx, span := trace.Start(ctx, "copy")
		defer span.End()
		return c.write(ctx, parts, dir, below, dest, b.progress.Note)
	}}
	if !c.linked() {
		return b.do(ctx, j, below)
	}
	// What is below neither changes the layer nor has to be there for it.
	j.alone = true
	made, err := b.do(ctx, j, files{})
	if err == nil {
		out = below.with(made.layers[0])
	}
	return out, err
}

// inputs are what the layer depends on.
func (c *copying) inputs(parts []part, dest string) copyInputs {
	in := copyInputs{
		Contents: c.contents, Dest: dest, Chown: c.chown, Chmod: c.chmod, Link: c.linked(), Unpack: c.unpack,
		Excludes: c.excludes,
	}
	if c.parents {
		in.Parents = c.sources
	}
	for _, p := range parts {
		in.Content = append(in.Content, p.key)
	}
	return in
}

// write copies into the layer's folder.
func (c *copying) write(ctx context.Context, parts []part, dir, below, dest string, note func(string)) error {
	o := buildctx.CopyOptions{Mode: c.chmod, Note: note}
	if c.chown != "" {
		names := below
		if names == "" {
			names = dir // there are none
		}
		uid, gid, err := rootfs.ParseChown(names, c.chown)
		if err != nil {
			return err
		}
		o.Owner = &buildctx.Owner{UID: uid, GID: gid}
	}
	to, err := buildctx.OpenDest(dir, below)
	if err != nil {
		return err
	}
	defer to.Close()
	for _, p := range parts {
		if err := p.copy(ctx, to, dest, o); err != nil {
			return err
		}
	}
	for _, doc := range c.contents {
		if err := to.WriteFile(dest, doc.Path, []byte(doc.Data), o); err != nil {
			return err
		}
	}
	return nil
}
