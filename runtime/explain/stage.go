package explain

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// stage is what is known of a stage at an instruction.
type stage struct {
	name   string
	number int      // from 0
	known  bool     // all of its configuration; else only what the file sets
	below  []string // its layers, the lowest first: "debian:12", "line 3"
	vars   variables
	args   []string // names
	image  dockerspec.DockerOCIImageConfig
	cwd    string
	memory string
	needed bool
	script bool // what it holds depends on how the script runs
}

// variables are those in force, in order.
type variables []instructions.KeyValuePair

func (v variables) set(name, value string) variables {
	v = slices.DeleteFunc(slices.Clone(v), func(kv instructions.KeyValuePair) bool { return kv.Key == name })
	return append(v, instructions.KeyValuePair{Key: name, Value: value})
}

func (v variables) names() string {
	var out []string
	for _, kv := range v {
		out = append(out, kv.Key)
	}
	return strings.Join(out, ", ")
}

// lookup is how instructions see variables; it notes names that nobody has set.
type lookup struct {
	vars    variables
	missing bool
}

func (l *lookup) Get(name string) (string, bool) {
	for _, kv := range l.vars {
		if kv.Key == name {
			return kv.Value, true
		}
	}
	l.missing = true
	return "", false
}

func (l *lookup) Keys() []string {
	var out []string
	for _, kv := range l.vars {
		out = append(out, kv.Key)
	}
	return out
}

// takes reads a base's configuration into the stage.
func (s *stage) takes(img *Image) error {
	var config dockerspec.DockerOCIImage
	if err := json.Unmarshal(img.Config, &config); err != nil {
		return fmt.Errorf("read the base's configuration: %w", err)
	}
	s.known, s.image = true, config.Config
	for _, kv := range config.Config.Env {
		name, value, _ := strings.Cut(kv, "=")
		s.vars = s.vars.set(name, value)
	}
	return nil
}

func (s *stage) user() string {
	switch {
	case s.script:
		return "the stage's user"
	case s.image.User != "":
		return s.image.User
	case s.known:
		return "root"
	}
	return "the base's user (root, if it sets none)"
}

func (s *stage) workdir() string {
	switch {
	case s.script:
		return "the stage's folder"
	case s.cwd != "":
		return s.cwd
	case s.image.WorkingDir != "":
		return s.image.WorkingDir
	case s.known:
		return "/"
	}
	return "the base's folder (/, if it sets none)"
}

// under is a path as WORKDIR and COPY read it.
func (s *stage) under(dir string) string {
	if path.IsAbs(dir) || s.image.WorkingDir == "" && !s.known {
		return dir
	}
	joined := path.Join("/", s.image.WorkingDir, dir)
	if strings.HasSuffix(dir, "/") && joined != "/" {
		joined += "/"
	}
	return joined
}

func (s *stage) shell() []string {
	if len(s.image.Shell) > 0 {
		return s.image.Shell
	}
	return []string{"/bin/sh", "-c"}
}

// stack names the layers below.
func (s *stage) stack() string {
	switch n := len(s.below); {
	case s.script:
		return "the layers that the stage has by then"
	case n == 0:
		return "nothing (scratch)"
	case n <= 4:
		return strings.Join(s.below, ", ")
	default:
		return s.below[0] + ", …, " + strings.Join(s.below[n-2:], ", ")
	}
}
