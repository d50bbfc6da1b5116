package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/remote"
	"github.com/shbuild/shbuild/runtime/build"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/trace"
	"github.com/shbuild/shbuild/runtime/userns"
)

// buildFile is shbuild [flags] FILE [ARG…]. Flags end at FILE: what follows is
// the script's.
func buildFile(args []string, std streams) int {
	return buildFileAs("", args, std, func(*buildFlags) {})
}

// buildFileAs is a verb with a FILE, which sets flags of its own once the others have their defaults; the verb may be
// empty.
func buildFileAs(verb string, args []string, std streams, set func(*buildFlags)) int {
	var f buildFlags
	flags := pflag.NewFlagSet(strings.TrimSpace("shbuild "+verb), pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.StringVar(&f.context, "context", "", "the build `CONTEXT`: a folder, a URL, a repository, or - (default FILE's folder)")
	f.register(flags)
	set(&f)
	if status, done := parse(flags, args, std, strings.TrimSpace(verb+" [flags] FILE [ARG…]")); done {
		return status
	}
	if flags.NArg() == 0 {
		return badUsage(std, errors.New("which file is to be built?"))
	}
	f.file = flags.Arg(0)
	if f.context == "" {
		f.context = filepath.Dir(f.file)
	}
	return f.start(flags.Args()[1:], std)
}

// buildDocker is shbuild build [flags] CONTEXT [ARG…].
func buildDocker(args []string, std streams) int {
	var f buildFlags
	flags := pflag.NewFlagSet("shbuild build", pflag.ContinueOnError)
	flags.StringVarP(&f.file, "file", "f", "", "the Dockerfile or script, - for standard input (default CONTEXT/Dockerfile)")
	f.register(flags)
	if status, done := parse(flags, args, std, "build [flags] CONTEXT [ARG…]"); done {
		return status
	}
	f.docker = true
	if flags.NArg() == 0 {
		return badUsage(std, diag.WithHint(errors.New("which folder is the build context?"), "shbuild build . builds in the current one"))
	}
	f.context = flags.Arg(0)
	return f.start(flags.Args()[1:], std)
}

// job is a build whose flags make sense.
type job struct {
	flags   *buildFlags
	options build.Options
	wanted  build.Wanted

	cacheTo   []build.CacheTo
	platforms []string // at least one; "": this machine's
	call      call
	why       []build.Explanation
	isolation isolation.Rung
}

// sourceDateEpoch is the one variable of the environment that is a build-arg unasked, as in docker.
const sourceDateEpoch = "SOURCE_DATE_EPOCH"

// start reads the flags, and builds: by the cache alone if that has all of it, else inside the namespaces.
func (f *buildFlags) start(args []string, std streams) int {
	j, err := f.check(args, std)
	if err != nil {
		return badUsage(std, err)
	}
	t, err := openTrace(f.trace)
	if err != nil {
		return badUsage(std, err)
	}
	ctx, span := trace.Start(t.Context(context.Background()), "shbuild")
	status, done := j.look(ctx, std)
	if !done {
		status, err = isolation.Enter(isolation.Options{Want: j.isolation, Root: -1}, func(r *isolation.Report) int {
			j.options.Isolation = r
			return j.run(ctx, std)
		})
	}
	span.End()
	if cerr := t.Close(); cerr != nil {
		err = errors.Join(err, fmt.Errorf("write the trace: %w", cerr))
	}
	if err != nil {
		diag.Print(std.err, err, std.color())
		return cmp.Or(status, statusFailed)
	}
	return status
}

// openTrace opens the file of --trace, in each of the two processes that a build is: the outer one begins it and
// ends it.
func openTrace(file string) (t *trace.Trace, err error) {
	switch {
	case file == "":
		return nil, nil
	case userns.Inside():
		t, err = trace.Join(file, "shbuild, in its namespaces")
	default:
		t, err = trace.Create(file, "shbuild, outside")
	}
	if err != nil {
		return nil, fmt.Errorf("--trace: %w", err)
	}
	return t, nil
}

func (f *buildFlags) check(args []string, std streams) (*job, error) {
	j := &job{flags: f}
	var err error
	if j.call, err = parseCall(f.call, f.checkOnly); err != nil {
		return nil, err
	}
	if j.isolation, err = wantedIsolation(f.isolation); err != nil {
		return nil, err
	}
	o := &j.options
	if o.Root, err = stateRoot(f.root); err != nil {
		return nil, err
	}
	if err := f.setContext(o, std.in); err != nil {
		return nil, err
	}
	if o.BuildArgs, err = pairs("build-arg", f.buildArgs, true); err != nil {
		return nil, err
	}
	if epoch := os.Getenv(sourceDateEpoch); epoch != "" && o.BuildArgs[sourceDateEpoch] == "" {
		o.BuildArgs[sourceDateEpoch] = epoch
	}
	if o.Labels, err = pairs("label", f.labels, false); err != nil {
		return nil, err
	}
	if o.Run, err = f.run.options(); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"auto", "plain", "tty", "quiet"}, f.progress) {
		return nil, fmt.Errorf("--progress %s: it is auto, plain, tty or quiet", f.progress)
	}
	j.wanted = build.Wanted{Tags: f.tags, Push: f.push, Keep: f.quiet || f.iidfile != "" || f.metadata != "", Stdout: std.out}
	if j.platforms, err = splitPlatforms(f.platform); err != nil {
		return nil, err
	}
	for _, text := range f.outputs {
		out, err := parseOutput(text, &j.wanted.Tags)
		if err != nil {
			return nil, err
		}
		j.wanted.Outputs = append(j.wanted.Outputs, out)
		o.Rewrite = o.Rewrite || out.Rewrite
		o.Exports = o.Exports || out.Type == "local" || out.Type == "tar"
	}
	if err := oneStdout(j.wanted.Outputs, f.quiet); err != nil {
		return nil, err
	}
	for _, dir := range f.allowWrite {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		o.AllowWrite = append(o.AllowWrite, abs)
	}
	if f.step && (f.file == "-" || f.context == "-") {
		return nil, errors.New("--step: standard input is what is built, so it has no answers")
	}
	if err := f.annotate(&j.wanted); err != nil {
		return nil, err
	}
	for _, text := range f.cacheFrom {
		from, err := parseCacheFrom(text)
		if err != nil {
			return nil, err
		}
		o.CacheFrom = append(o.CacheFrom, from)
	}
	for _, text := range f.cacheTo {
		to, err := parseCacheTo(text)
		if err != nil {
			return nil, err
		}
		j.cacheTo = append(j.cacheTo, to)
	}
	o.Form, o.NoCacheFor, o.Why = j.wanted.Form(), f.noCacheFor, f.why
	o.Args, o.Name, o.Target = args, cmp.Or(f.file, "Dockerfile"), f.target
	o.NoCache, o.Pull, o.AllowHost = f.noCache, f.pull, f.allowHost
	o.Compress = j.wanted.Images()
	o.KnownHosts = knownHosts()
	if f.trace != "" {
		o.Own = []string{f.trace}
	}
	o.Registry = remote.Options{Insecure: f.insecure}
	return j, nil
}

// run does the build, inside the namespaces, and returns the exit status.
func (j *job) run(ctx context.Context, std streams) int {
	syscall.Umask(0o022) // what programs make has the same modes whoever builds
	ctx, stop := interruptible(ctx, std.err)
	defer stop()
	display := j.show(std)
	display.Note("#0 isolation: " + j.options.Isolation.String())
	if j.call.method != "" {
		status, err := j.answer(ctx, std)
		display.close()
		if err != nil {
			return failed(ctx, std, err)
		}
		return status
	}
	if j.flags.debug {
		j.options.Broken = (&debugger{std: std, display: display}).broken
	}
	if j.flags.step {
		j.options.Stepper = newStepper(std, display)
	}
	made, err := j.build(ctx, std, display)
	display.close()
	j.tellWhy(std)
	if err == nil {
		err = j.report(made)
	}
	if errors.Is(err, errQuit) {
		fmt.Fprintln(std.err, "shbuild: ended before the build's end")
		return statusFailed
	}
	if err != nil {
		adviseDebug(err)
		return failed(ctx, std, err)
	}
	return j.tell(made, std)
}

// quiet says whether there is no display.
func (j *job) quiet() bool {
	return j.flags.quiet || j.flags.progress == "quiet" || j.call.method != ""
}

// show gives the build its display.
func (j *job) show(std streams) *display {
	display := newDisplay(std.err, j.flags.mode(), j.quiet())
	echo := std.out
	if j.flags.quiet || slices.ContainsFunc(j.wanted.Outputs, func(o build.Output) bool { return o.Dest == "-" }) {
		echo = std.err // standard output has something else to carry
	}
	j.options.Progress = display
	j.options.Stdout, j.options.Stderr = display.above(echo), display.above(std.err)
	return display
}

// tell prints what came of the build.
func (j *job) tell(made build.Delivered, std streams) int {
	id, quiet := made.ID, j.quiet()
	switch {
	case j.flags.quiet && id != "":
		fmt.Fprintln(std.out, id)
	case quiet:
	case id != "":
		fmt.Fprintln(std.err, "image", id)
		for _, tag := range j.wanted.Tags {
			fmt.Fprintln(std.err, "named", tag)
		}
	case !j.wanted.Asked() && made.Committed == 0:
		fmt.Fprintln(std.err, "built; -t NAME keeps the result as an image, -o writes it somewhere")
	}
	return 0
}

// knownHosts is the file with the keys of SSH hosts that the user has met; empty: there is none.
func knownHosts() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	file := filepath.Join(home, ".ssh", "known_hosts")
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}
