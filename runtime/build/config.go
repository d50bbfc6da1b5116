package build

import (
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/sys/signal"
)

// configure carries out an instruction that changes the image's configuration
// alone, and says whether cmd is one. The entries in the history are
// BuildKit's, letter for letter.
func (s *stage) configure(cmd any) (bool, error) {
	switch c := cmd.(type) {
	case *instructions.EnvCommand:
		s.setEnv(c)
	case *instructions.LabelCommand:
		s.label(c)
	case *instructions.MaintainerCommand:
		s.image.Author = c.Maintainer
		s.commit("MAINTAINER "+c.Maintainer, false)
	case *instructions.OnbuildCommand:
		s.image.Config.OnBuild = append(s.image.Config.OnBuild, c.Expression)
	case *instructions.CmdCommand:
		s.setCmd(c)
	case *instructions.EntrypointCommand:
		s.setEntrypoint(c)
	case *instructions.HealthCheckCommand:
		h := dockerspec.HealthcheckConfig(*c.Health)
		s.image.Config.Healthcheck = &h
		s.commit(fmt.Sprintf("HEALTHCHECK %+v", h), false)
	case *instructions.ExposeCommand:
		return true, s.expose(c)
	case *instructions.UserCommand:
		s.image.Config.User = c.User
		s.commit("USER "+c.User, false)
	case *instructions.VolumeCommand:
		return true, s.volume(c)
	case *instructions.StopSignalCommand:
		if _, err := signal.ParseSignal(c.Signal); err != nil {
			return true, err
		}
		s.image.Config.StopSignal = c.Signal
		s.commit("STOPSIGNAL "+c.Signal, false)
	case *instructions.ShellCommand:
		s.image.Config.Shell = c.Shell
		s.commit(fmt.Sprintf("SHELL %v", c.Shell), false)
	default:
		return false, nil
	}
	return true, nil
}

func (s *stage) setEnv(c *instructions.EnvCommand) {
	text := "ENV"
	for _, kv := range c.Env {
		text += " " + kv.String()
		s.env = s.env.set(kv.Key, kv.Value)
		s.image.Config.Env = setImageEnv(s.image.Config.Env, kv.Key, kv.Value)
	}
	s.commit(text, false)
}

func (s *stage) label(c *instructions.LabelCommand) {
	if s.image.Config.Labels == nil {
		s.image.Config.Labels = map[string]string{}
	}
	text := "LABEL"
	for _, kv := range c.Labels {
		text += " " + kv.String()
		s.image.Config.Labels[kv.Key] = kv.Value
	}
	s.commit(text, false)
}

func (s *stage) setCmd(c *instructions.CmdCommand) {
	s.image.Config.Cmd = s.commandLine(c.ShellDependantCmdLine)
	//lint:ignore SA1019 BuildKit sets it, and images are compared
	s.image.Config.ArgsEscaped = true
	s.cmdSet = true
	s.commit(fmt.Sprintf("CMD %q", s.image.Config.Cmd), false)
}

func (s *stage) setEntrypoint(c *instructions.EntrypointCommand) {
	s.image.Config.Entrypoint = s.commandLine(c.ShellDependantCmdLine)
	if !s.cmdSet {
		s.image.Config.Cmd = nil // a base's CMD was meant for the base's ENTRYPOINT
	}
	s.commit(fmt.Sprintf("ENTRYPOINT %q", s.image.Config.Entrypoint), false)
}

func (s *stage) commandLine(c instructions.ShellDependantCmdLine) []string {
	if c.PrependShell {
		return s.inShell(strings.Join(c.CmdLine, " "))
	}
	return c.CmdLine
}

func (s *stage) expose(c *instructions.ExposeCommand) error {
	ports, err := parsePorts(c.Ports)
	if err != nil {
		return err
	}
	if s.image.Config.ExposedPorts == nil {
		s.image.Config.ExposedPorts = map[string]struct{}{}
	}
	for _, p := range ports {
		s.image.Config.ExposedPorts[p] = struct{}{}
	}
	s.commit(fmt.Sprintf("EXPOSE %v", ports), false)
	return nil
}

func (s *stage) volume(c *instructions.VolumeCommand) error {
	if s.image.Config.Volumes == nil {
		s.image.Config.Volumes = map[string]struct{}{}
	}
	for _, v := range c.Volumes {
		if v == "" {
			return errors.New("a volume's path is empty")
		}
		s.image.Config.Volumes[v] = struct{}{}
	}
	s.commit(fmt.Sprintf("VOLUME %v", c.Volumes), false)
	return nil
}
