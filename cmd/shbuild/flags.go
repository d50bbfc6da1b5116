package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
)

// buildFlags are the flags of a build, as typed.
type buildFlags struct {
	root, file, context string
	docker, fetched     bool // the file is looked for in the context; the context is no folder
	contexts            []string
	tags                []string
	buildArgs, labels   []string
	target, platform    string
	noCache, pull       bool
	outputs             []string
	push, insecure      bool
	iidfile, metadata   string
	annotations         []string
	noCacheFor          []string
	cacheFrom, cacheTo  []string
	quiet               bool
	progress            string
	allowHost           []string
	allowWrite          []string
	debug, step         bool
	run                 runFlags
	checkOnly           bool
	call                string
	isolation           string
	trace               string
	why                 []string
}

func (f *buildFlags) register(fs *pflag.FlagSet) {
	rootFlag(fs, &f.root)
	fs.StringArrayVarP(&f.tags, "tag", "t", nil, "give the result a `NAME[:TAG]`; may be repeated")
	fs.StringArrayVar(&f.buildArgs, "build-arg", nil, "set an ARG: `NAME=VALUE`, or NAME to take it from the environment")
	fs.StringArrayVar(&f.contexts, "build-context", nil, "let `NAME=CONTEXT` stand for an image or stage: a folder, docker-image://…, oci-layout://…, a URL, a repository")
	fs.StringVar(&f.target, "target", "", "build this `STAGE` instead of the last")
	fs.StringArrayVarP(&f.outputs, "output", "o", nil, "write the result: `type=oci|docker|local|tar|registry[,dest=PATH]`, or a folder's path, or - for a tar")
	fs.BoolVar(&f.push, "push", false, "push the result to the registries of its names")
	fs.StringVar(&f.iidfile, "iidfile", "", "write the image ID to this `FILE`")
	fs.StringVar(&f.metadata, "metadata-file", "", "write what the image is to this `FILE`, as JSON")
	fs.StringArrayVar(&f.annotations, "annotation", nil, "set an annotation on the image: `[TYPE:]KEY=VALUE`; TYPE is manifest[[PLATFORM]], index, manifest-descriptor or index-descriptor")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "print the image ID alone")
	fs.StringArrayVar(&f.labels, "label", nil, "set a label on the result: `NAME=VALUE`")
	fs.BoolVar(&f.noCache, "no-cache", false, "carry every step out, even if the cache has it")
	fs.StringSliceVar(&f.noCacheFor, "no-cache-filter", nil, "carry every step of these stages out: `STAGE,…`")
	fs.StringArrayVar(&f.cacheFrom, "cache-from", nil, "take steps from another machine's cache: `type=local,src=DIR`")
	fs.StringArrayVar(&f.cacheTo, "cache-to", nil, "write this build's steps for other machines: `type=local,dest=DIR[,mode=max]`")
	fs.BoolVar(&f.pull, "pull", false, "ask the registry for base images even if they are here")
	fs.BoolVar(&f.checkOnly, "check", false, "build nothing: say what lint rules find in the Dockerfile (--call=check)")
	fs.StringVar(&f.call, "call", "build", "build nothing, but `check|outline|targets[,format=json]`: list a Dockerfile's warnings, what its target can be given, its targets")
	fs.StringVar(&f.platform, "platform", "", "build for this `OS/ARCH[/VARIANT]`, or for several, with commas between them")
	insecureFlag(fs, &f.insecure)
	fs.StringVar(&f.progress, "progress", "auto", "show progress as `auto|plain|tty|quiet`")
	fs.StringSliceVar(&f.allowHost, "allow-host", nil, "let a script run host programs: these (`PROG,…`), or any")
	fs.Lookup("allow-host").NoOptDefVal = "*"
	fs.BoolVar(&f.debug, "debug", false, "open a shell in the container of a RUN that fails")
	fs.BoolVar(&f.step, "step", false, "stop before each instruction, and show what it changed")
	fs.StringArrayVar(&f.why, "why", nil, "say what made a `STEP` be carried out: a line (7, FILE:7), what it begins with (\"RUN make\"), or all; may be repeated")
	fs.StringVar(&f.trace, "trace", "", "write where the time goes to this `FILE`, as ui.perfetto.dev shows it")
	f.run.register(fs)
	isolationFlag(fs, &f.isolation)
	fs.StringArrayVar(&f.allowWrite, "allow-write", nil, "let a script write in this `DIR` of the host")
}

func rootFlag(fs *pflag.FlagSet, root *string) {
	fs.StringVar(root, "root", "", "keep images, layers and cache in this `DIR` (default $SHBUILD_ROOT, else $XDG_DATA_HOME/shbuild)")
}

func insecureFlag(fs *pflag.FlagSet, insecure *bool) {
	fs.BoolVar(insecure, "insecure", false, "speak plain HTTP, or unchecked TLS, to registries that are not on this machine")
}

// stateRoot is the state folder: --root, SHBUILD_ROOT, or the user's data
// folder.
func stateRoot(flag string) (string, error) {
	for _, dir := range []string{flag, os.Getenv("SHBUILD_ROOT")} {
		if dir != "" {
			return filepath.Abs(dir)
		}
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "shbuild"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find a state folder: %w; --root or SHBUILD_ROOT gives one", err)
	}
	return filepath.Join(home, ".local", "share", "shbuild"), nil
}

// pairs reads NAME=VALUE. A name alone is taken from the environment where
// that is wanted, as docker does; one that is not there is left out.
func pairs(flag string, list []string, fromEnv bool) (map[string]string, error) {
	out := map[string]string{}
	for _, kv := range list {
		name, value, ok := strings.Cut(kv, "=")
		if name == "" {
			return nil, fmt.Errorf("--%s %q: a name is needed: NAME=VALUE", flag, kv)
		}
		if !ok && fromEnv {
			if value, ok = os.LookupEnv(name); !ok {
				continue
			}
		}
		out[name] = value
	}
	return out, nil
}
