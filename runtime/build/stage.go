package build

import (
	"maps"
	"path"
	"slices"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/dsl/interp"
	"github.com/shbuild/shbuild/runtime/userns"
)

// A stage is what a FROM began, as it stands between two instructions: files,
// configuration and the variables in force. It is immutable: an instruction
// makes a changed copy, so that a subshell's stage and its parent's part ways.
// Before the first FROM it holds the global ARGs alone.
type stage struct {
	begun    bool   // a FROM has been
	name     string // AS name, as written; empty: none
	shell    string // a script: the (sub)shell in which the FROM stood
	base     string // what FROM names
	steps    int    // that made a layer, so far
	node     *node  // the files; nil: none (scratch)
	image    dockerspec.DockerOCIImage
	platform ocispec.Platform

	env     env                                 // what RUN sees and expansion reads: the image's ENV and the ARGs
	args    []instructions.KeyValuePairOptional // the ARGs, as the history of a RUN tells them
	globals env                                 // ARGs before the first FROM, and the platform's

	cwd        string           // CWD; empty: WORKDIR's
	memory     int64            // MEM, in bytes; 0: none
	root       *userns.Root     // USERNS; nil: the default
	last       map[string]place // where CMD, ENTRYPOINT and HEALTHCHECK stood last, for the lint rules
	workdirSet bool             // a WORKDIR stood in the file, here or in a stage below
	cmdSet     bool             // a CMD stood in this stage, so ENTRYPOINT leaves it

	noCache bool // its steps are carried out even if the cache has them

	baseHistory int        // how many entries of image.History are the base image's
	epoch       *time.Time // SOURCE_DATE_EPOCH, the time of every new entry; nil: none
}

// Variables returns the stage's ENV and ARGs for the shell's look-up.
func (s *stage) Variables() []interp.Variable {
	if !s.begun {
		return s.globals
	}
	return s.env
}

// clone returns a copy that may be changed without the original noticing.
func (s *stage) clone() *stage {
	c := *s
	c.image.Config.Env = slices.Clone(s.image.Config.Env)
	c.image.Config.OnBuild = slices.Clone(s.image.Config.OnBuild)
	c.image.Config.ExposedPorts = maps.Clone(s.image.Config.ExposedPorts)
	c.image.Config.Volumes = maps.Clone(s.image.Config.Volumes)
	c.image.Config.Labels = maps.Clone(s.image.Config.Labels)
	c.image.History = slices.Clip(s.image.History)
	c.args = slices.Clip(s.args)
	return &c
}

// commit adds an entry to the image's history, BuildKit's way. An entry with
// a layer gets its time from the layer when the image is put together.
func (s *stage) commit(createdBy string, layer bool) {
	s.image.History = append(s.image.History, ocispec.History{
		Created:    s.epoch,
		CreatedBy:  createdBy,
		Comment:    "buildkit.dockerfile.v0",
		EmptyLayer: !layer,
	})
}

// workdir is the folder that relative paths of COPY, WORKDIR … start from.
func (s *stage) workdir() string {
	if s.image.Config.WorkingDir == "" {
		return "/"
	}
	return path.Clean(s.image.Config.WorkingDir)
}

// inShell puts the image's shell before a command in shell form.
func (s *stage) inShell(command string) []string {
	if len(s.image.Config.Shell) > 0 {
		return append(slices.Clone(s.image.Config.Shell), command)
	}
	return []string{"/bin/sh", "-c", command}
}

// defaultPath is the PATH that a stage gets whose base sets none (BuildKit's
// util/system).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// scratch is the configuration that FROM scratch begins with.
func scratch(p ocispec.Platform) dockerspec.DockerOCIImage {
	var img dockerspec.DockerOCIImage
	img.Platform = p
	img.RootFS.Type = "layers"
	img.Config.WorkingDir = "/"
	img.Config.Env = []string{"PATH=" + defaultPath}
	return img
}
