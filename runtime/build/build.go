// Package build is the engine: it carries out a Dockerfile or a script and
// makes images of it.
//
// There is one engine with two tempos. Every instruction turns a stage, an
// immutable value, into the next one: it changes the configuration, or it puts
// a node for a new layer onto the stage's files. A node is solved at most
// once, when its files are first asked for. A script asks at once, since the
// next line of shell may depend on what happened; a plain Dockerfile asks for
// its target's last node at the end, so that stages which nobody needs are
// never built and independent ones are built side by side.
//
// Solving a node looks its step up in the cache; else it mounts the layers
// below under a fresh folder, lets the instruction change that, and renames
// the folder into the layer store. Nothing is scanned or copied. Tars and
// digests of layers are made only if an output needs them.
//
// The engine runs inside the namespaces that package userns gives, unless it is
// only to look whether there is anything to do (Options.Cached); it prints
// nothing itself (Progress), and knows no flags.
package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/singleflight"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
	"github.com/shbuild/shbuild/registry/remote"
	"github.com/shbuild/shbuild/registry/store"
	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/cache"
	"github.com/shbuild/shbuild/runtime/cgroup"
	"github.com/shbuild/shbuild/runtime/fetch"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/runner"
	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/sshagent"
	"github.com/shbuild/shbuild/runtime/trace"
)

// Options say what to build from and how.
type Options struct {
	Root       string            // the state folder: images, layers, cache
	Context    string            // the build context, a folder
	Remote     string            // … or the address of a URL or a repository
	Stdin      io.Reader         // … or an archive, or a Dockerfile by itself
	Contexts   map[string]string // --build-context: what stands for images and stages, by ContextName
	Dockerfile string            // the path of the file being built; its own ignore file goes before .dockerignore
	Args       []string          // a script's positional parameters
	Name       string            // a script's $0
	BuildArgs  map[string]string // --build-arg
	Labels     map[string]string // --label, for the result
	Target     string            // --target; empty: the last stage
	Platform   string            // --platform, "linux/arm64"; empty: this machine's
	NoCache    bool              // carry every step out
	CacheFrom  []CacheFrom       // caches of other machines
	NoCacheFor []string          // … of the stages of these names
	Why        []string          // the steps to explain, see Builder.Why
	Pull       bool              // ask the registry for bases even if they are here
	Compress   bool              // an output will want compressed layers: a plain Dockerfile's are begun early
	Form       Form              // … of this form
	Rewrite    bool              // SOURCE_DATE_EPOCH is the latest time that new layers' files may have (rewrite-timestamp)
	Registry   remote.Options
	Own        []string // files of the builder's own besides Root: a build context has them not
	KnownHosts string   // file with the keys of SSH hosts; empty: none

	// Cached lets the build be answered by the cache alone: what has to be done for it, whatever that is, ends it at once
	// with ErrNotCached. It needs no namespaces, and changes nothing but records and, by Deliver, the image store, so it
	// may be followed by the same build without this.
	Cached bool

	Run RunOptions
	// Isolation is where the build is; with Cached, where it would be. nil: in the namespaces of package userns.
	Isolation *isolation.Report

	Exports    bool     // there is an output that takes what EXPORT copies
	AllowHost  []string // host programs that a script may run; ["*"]: any
	AllowWrite []string // folders that a script may write in

	// Broken, if not nil, is called when a RUN or EXEC has failed, unless its failure is an answer; its container
	// is there until Broken returns. It may be called by several goroutines at once.
	Broken func(context.Context, *Broken)
	// Stepper, if not nil, is asked and told about every instruction.
	Stepper Stepper

	fetched bool // Context is no user's folder

	Progress       Progress
	Stdout, Stderr io.Writer // of a script's own commands
}

// Builder carries out builds on one state folder.
type Builder struct {
	opts         Options
	progress     Progress
	host, target ocispec.Platform
	epoch        *time.Time // SOURCE_DATE_EPOCH; nil: none
	escape       rune
	ported       portable
	lint         *linting // nil: a script
	session      string
	temp         string
	fromAfar     bool // the build context was no folder: it has no ignore rules, as in BuildKit

	agents   map[string]*sshagent.Agent // by the id of --ssh
	registry *remote.Client
	fetcher  *fetch.Fetcher
	// stopAgent ends the socket where fetches find the SSH keys that the build was lent.
	stopAgent func() error
	layers    *layer.Store
	images    *store.Store
	cache     *cache.Cache
	hashes    *buildctx.Hashes
	sandbox   *sandbox.Sandbox
	private   privateNetwork
	context   func() (*buildctx.Tree, error)

	copies    atomic.Pointer[layer.Copies] // nil: files are mounted
	noOverlay sync.Once
	changed   sync.Map // by the step's draft

	whole   context.Context    // of the build in progress: what is fetched by one node may be read by another
	cancel  context.CancelFunc // ends whole
	giveUp  func(error)        // ends a build that only looks
	fetched sync.Map           // what was fetched, by name: functions that fetch once
	flights singleflight.Group // steps under way, by key
	blobs   singleflight.Group // layers being tarred, by ID
	made    sync.Map           // … and in the store: cache.Blob by blobKey
	early   sync.WaitGroup     // … ahead of need

	file        *syntax.File // that is built
	building    string       // its name, for what is remembered
	why         asked
	remembering sync.WaitGroup // what is written down for --why

	mu        sync.Mutex
	later     []func() error    // what a script that only looks has to do if it comes to its end
	filtered  map[string]bool   // NoCacheFor of stages that there were
	usedArgs  map[string]bool   // names of ARGs so far; true: of a --build-arg
	named     map[string]*stage // a script's stages, by lower-case name
	bases     map[string]*base  // by name and platform
	committed []Named
	exports   []export
	seen      [][]byte // secrets that were read
}

// New opens the state folder. Close must be called.
func New(o Options) (*Builder, error) {
	b := &Builder{
		opts: o, progress: o.Progress, host: platforms.DefaultSpec(), session: newID(),
		sandbox: sandbox.New(runner.Program(), cgroup.New),
		whole:   context.Background(), cancel: func() {}, giveUp: func(error) {},
		usedArgs: map[string]bool{}, filtered: map[string]bool{}, named: map[string]*stage{}, bases: map[string]*base{},
	}
	b.target, b.fromAfar = b.host, o.fetched
	o.Registry.Watch = watched
	b.registry = remote.New(o.Registry)
	var err error
	if o.Platform != "" {
		if b.target, err = platforms.Parse(o.Platform); err != nil {
			return nil, fmt.Errorf("--platform %s: %w", o.Platform, err)
		}
	}
	if b.agents, err = openAgents(o.Run.SSH); err != nil {
		return nil, err
	}
	if err := b.openState(); err != nil {
		return nil, err
	}
	if err := b.openFetcher(); err != nil {
		return nil, err
	}
	b.openImports()
	b.hashes = buildctx.OpenHashes(filepath.Join(b.stateDir("cache"), "files"))
	b.context = sync.OnceValues(func() (*buildctx.Tree, error) {
		open := b.contextOptions()
		open.Dockerfile, open.Fetched = o.Dockerfile, b.fromAfar
		return buildctx.Open(b.opts.Context, open)
	})
	return b, nil
}

// own are the builder's own folders and files.
func (b *Builder) own() []string { return append([]string{b.opts.Root}, b.opts.Own...) }

func (b *Builder) openState() (err error) {
	if err := b.haveState(); err != nil {
		return err
	}
	if err := os.MkdirAll(b.opts.Root, 0o700); err != nil {
		return diag.WithHint(fmt.Errorf("make the state folder: %w", err), "--root or SHBUILD_ROOT puts it elsewhere")
	}
	if b.cache, err = cache.Open(b.stateDir("cache")); err != nil {
		return err
	}
	if b.images, err = store.Open(filepath.Join(b.opts.Root, "images")); err != nil {
		return err
	}
	b.images.Write = b.writeLater
	return b.openLayers()
}

// stateDir is a folder of the state whose files have owners. Where those are kept in attributes it is another one:
// the files of the one are closed to the other, or look like root's.
func (b *Builder) stateDir(name string) string {
	if b.ownersKept() {
		name = filepath.Join("one-id", name)
	}
	return filepath.Join(b.opts.Root, name)
}

// Close ends the build's work and removes what it kept aside.
func (b *Builder) Close() error {
	b.cancel()
	b.early.Wait()
	b.remembering.Wait()
	b.registry.Close()
	return errors.Join(b.stopAgent(), b.fetcher.Close(), b.sandbox.Close(), b.private.close(), b.hashes.Save(), os.RemoveAll(b.temp), b.layers.Close())
}

// Result is what a build made.
type Result struct {
	stage  *stage  // nil: a script that only COMMITs
	Images []Named // by COMMIT, in the order of their names
}

// Build carries out a Dockerfile or a script.
func (b *Builder) Build(ctx context.Context, f *syntax.File) (*Result, error) {
	ctx, ended := b.looking(ctx)
	b.whole, b.cancel = context.WithCancel(ctx)
	if err := b.begin(f); err != nil {
		return nil, ended(err)
	}
	var s *stage
	var err error
	switch {
	case f.Plain:
		s, err = b.plain(ctx, f)
	case b.opts.Cached:
		s, err = b.cachedScript(ctx, f)
	default:
		s, err = b.script(ctx, f)
	}
	if err := ended(err); err != nil {
		return nil, err
	}
	if err := b.checkArgs(f); err != nil {
		return nil, err
	}
	b.checkNoCache()
	return &Result{stage: s, Images: b.committed}, nil
}

// plain builds a plain Dockerfile's target.
func (b *Builder) plain(ctx context.Context, f *syntax.File) (*stage, error) {
	_, span := trace.Start(ctx, "plan")
	p, err := b.planned(ctx, f)
	span.End()
	if err != nil {
		return nil, err
	}
	target, err := p.target(b.opts.Target)
	if err != nil {
		return nil, err
	}
	if b.opts.Stepper != nil {
		if err := p.solveAll(ctx, target); err != nil {
			return nil, err
		}
	} else if err := p.prefetch(target); err != nil {
		return nil, err
	}
	s, err := p.build(ctx, target)
	b.tellFindings()
	if err := cmp.Or(err, b.lint.err()); err != nil {
		return nil, err
	}
	if b.opts.Compress && !b.opts.Cached {
		for n := s.node; n != nil; n = n.below {
			n.then = b.beginBlob
		}
	}
	_, err = s.node.solve(ctx)
	return s, err
}

// checkArgs speaks of build-args that nothing asked for: a warning in a plain
// Dockerfile, as in Docker, an error in a script.
func (b *Builder) checkArgs(f *syntax.File) error {
	unused := b.unusedArgs()
	if len(unused) == 0 {
		return nil
	}
	if f.Plain {
		b.progress.Note("warning: no ARG asked for the --build-arg " + strings.Join(unused, ", "))
		return nil
	}
	hint := "write ARG NAME where the script may use it, or leave the --build-arg out"
	if near := diag.Nearest(unused[0], b.askedArgs()); near != "" {
		hint = "did you mean --build-arg " + near + "=…?"
	}
	return &diag.Error{
		Source: f.Source, Span: f.Source.Span(0, 0), Op: "ARG",
		Err: fmt.Errorf("no ARG asked for the --build-arg %s", strings.Join(unused, ", ")), Hint: hint,
	}
}

// begin takes from a file and the build-args what counts for the whole build.
func (b *Builder) begin(f *syntax.File) (err error) {
	b.escape, b.file = f.Escape, f
	if err := b.askWhy(f); err != nil {
		return err
	}
	if b.epoch, err = epoch(b.opts.BuildArgs[sourceDateEpoch]); err != nil {
		return &diag.Error{Source: f.Source, Span: f.Source.Span(0, 0), Op: "--build-arg", Err: err, Hint: diag.HintOf(err)}
	}
	return nil
}

// start is what a build has before its first FROM. last is the last stage's
// name, if it is known.
func (b *Builder) start(last string) *stage {
	return &stage{globals: platformArgs(b.host, b.target, cmp.Or(b.opts.Target, last), b.opts.BuildArgs), platform: b.target}
}

func noTarget(name string, known []string) error {
	err := fmt.Errorf("--target %s: there is no stage of that name", name)
	if near := diag.Nearest(name, known); near != "" {
		return diag.WithHint(err, "did you mean "+near+"?")
	}
	if len(known) == 0 {
		return diag.WithHint(err, "name a stage: FROM … AS "+name)
	}
	return diag.WithHint(err, fmt.Sprintf("the stages are %v", known))
}
