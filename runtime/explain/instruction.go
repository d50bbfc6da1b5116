package explain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/instr"
)

// instruction explains all but FROM and ARG, and lets the stage become what it is afterwards.
func (x *explaining) instruction(l *Line, s *stage, cmd any) {
	switch c := cmd.(type) {
	case *instructions.RunCommand:
		x.run(l, s, c)
	case *instr.Exec:
		x.container(l, s, c.Args, nil)
	case *instructions.CopyCommand:
		x.copy(l, s, copying{
			word: "COPY", from: c.From, sources: c.SourcePaths, heredocs: len(c.SourceContents), dest: c.DestPath, chown: c.Chown, chmod: c.Chmod,
			excludes: c.ExcludePatterns, parents: c.Parents, link: c.Link,
		})
	case *instructions.AddCommand:
		x.copy(l, s, copying{
			word: "ADD", sources: c.SourcePaths, heredocs: len(c.SourceContents), dest: c.DestPath, chown: c.Chown, chmod: c.Chmod,
			excludes: c.ExcludePatterns, link: c.Link, checksum: c.Checksum, unpack: c.Unpack == nil || *c.Unpack,
		})
	case *instructions.WorkdirCommand:
		dir := s.under(c.Path)
		l.say("layer", "the folder %s, if it is not there, made for %s, on %s; else an empty layer", dir, s.user(), s.stack())
		l.say("key", "the layers below, the folder and the user")
		l.say("config", "WorkingDir = %s; RUN, COPY, CMD … start there", dir)
		s.image.WorkingDir, s.cwd = dir, ""
		x.layered(l, s)
	default:
		x.own(l, s, cmd)
	}
}

// own explains the builder's own instructions, and those that only change the configuration.
func (x *explaining) own(l *Line, s *stage, cmd any) {
	switch c := cmd.(type) {
	case *instr.Cwd:
		s.cwd = c.Dir
		l.say("config", "nothing: the RUNs and EXECs that follow start in %s, and the image does not know", c.Dir)
	case *instr.Mem:
		s.memory = units.BytesSize(float64(c.Bytes))
		if c.Bytes == 0 {
			s.memory = ""
		}
		l.say("config", "nothing: the RUNs and EXECs that follow have %s in a cgroup, swap included; an error where none can be had", orNone(s.memory, "no limit to their memory", "at most "+s.memory+" of memory"))
	case *instr.UserNS:
		l.say("config", "nothing: root in the RUNs and EXECs that follow is %s", orNone(c.UID, "the caller again", "user "+c.UID+" of the host, in a user namespace below the build's, on copies of the layers that belong to them; what they make is given back to root"))
	case *instr.Commit:
		l.say("result", "the stage becomes an image in the store: %s; its layers are tarred and compressed now", strings.Join(c.Names, ", "))
	case *instr.Push:
		l.say("result", "the stage becomes an image in the store, %s, and goes to its registry; layers that are there are not sent", strings.Join(c.Names, ", "))
	case *instr.Export:
		l.say("result", "%s of the stage goes to %s in the folder or tar that -o names", c.Src, c.Dest)
	default:
		x.config(l, s, cmd)
	}
}

func orNone(value, none, some string) string {
	if value == "" {
		return none
	}
	return some
}

// config explains what only changes the configuration.
func (x *explaining) config(l *Line, s *stage, cmd any) {
	switch c := cmd.(type) {
	case *instructions.EnvCommand:
		for _, kv := range c.Env {
			s.vars = s.vars.set(kv.Key, kv.Value)
			l.say("config", "Env gets %s=%s", kv.Key, kv.Value)
		}
		l.say("key", "the RUNs that follow have it in their environment, so it is part of their keys")
	case *instructions.LabelCommand:
		for _, kv := range c.Labels {
			l.say("config", "Labels gets %s=%s", kv.Key, kv.Value)
		}
	case *instructions.UserCommand:
		s.image.User = c.User
		l.say("config", "User = %s; RUN and CMD run as it, looked up in the image's /etc/passwd by then", c.User)
	case *instructions.CmdCommand:
		l.say("config", "Cmd = %s", inForm(s, c.CmdLine, c.PrependShell))
	case *instructions.EntrypointCommand:
		l.say("config", "Entrypoint = %s; a CMD of the base is dropped, one of this stage stays", inForm(s, c.CmdLine, c.PrependShell))
	case *instructions.ShellCommand:
		s.image.Shell = c.Shell
		l.say("config", "Shell = %s; the shell forms of RUN, CMD, ENTRYPOINT and HEALTHCHECK that follow are given to it", quoted(c.Shell))
	case *instructions.ExposeCommand:
		l.say("config", "ExposedPorts gets %s; a note for who runs the image, nothing is opened", strings.Join(c.Ports, ", "))
	case *instructions.VolumeCommand:
		l.say("config", "Volumes gets %s; a note for who runs the image: the build makes no folder for it", strings.Join(c.Volumes, ", "))
	case *instructions.StopSignalCommand:
		l.say("config", "StopSignal = %s", c.Signal)
	case *instructions.HealthCheckCommand:
		l.say("config", "Healthcheck = %s; run by who runs the image", quoted(c.Health.Test))
	case *instructions.OnbuildCommand:
		l.say("config", "OnBuild gets %q: carried out by a build that stands on this image, at its FROM; not now", c.Expression)
	case *instructions.MaintainerCommand:
		l.say("config", "Author = %s", c.Maintainer)
	}
	l.say("layer", "none; a history entry that says so")
}

func inForm(s *stage, line []string, shell bool) string {
	if shell {
		line = append(slices.Clone(s.shell()), strings.Join(line, " "))
	}
	return quoted(line)
}

// quoted is a list in JSON, as Dockerfiles write it.
func quoted(list []string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(list); err != nil {
		return fmt.Sprint(list)
	}
	return strings.TrimSpace(b.String())
}

// layered puts the line's layer on the stage.
func (x *explaining) layered(l *Line, s *stage) {
	s.below = append(slices.Clip(s.below), fmt.Sprintf("line %d", l.Line))
}

func (x *explaining) run(l *Line, s *stage, c *instructions.RunCommand) {
	args := c.CmdLine
	switch {
	case len(c.Files) > 0 && strings.HasPrefix(c.Files[0].Data, "#!"):
		args = []string{"/dev/pipes/" + c.Files[0].Name}
	case c.PrependShell:
		text := strings.Join(args, " ")
		if len(c.Files) > 0 {
			text += " (and the heredoc)"
		}
		args = append(slices.Clone(s.shell()), text)
	}
	x.container(l, s, args, c)
}

// container explains a RUN or EXEC.
func (x *explaining) container(l *Line, s *stage, args []string, c *instructions.RunCommand) {
	l.say("runs", "%s as %s in %s", quoted(args), s.user(), s.workdir())
	if !s.script {
		l.say("runs", "environment: %s", orNone(s.vars.names(), "the base's", s.vars.names()+orNone(knownWord(s.known), "", " (and the base's)")))
	} else {
		l.say("runs", "environment: the stage's ENV and ARGs, over the script's variables that are exported or that the text names")
	}
	if s.memory != "" {
		l.say("runs", "at most %s of memory", s.memory)
	}
	x.setUp(l)
	keys := []string{"the layers below", "the arguments", "the environment", "user and folder"}
	if c != nil {
		keys = append(keys, runFlags(l, c)...)
	}
	l.say("layer", "what it changes, a folder on top of an overlay (overlayfs, userxattr, volatile) over %s; afterwards the folder is renamed into the store, nothing is copied", s.stack())
	l.say("key", "%s; its output and status are kept with the layer, its standard input is empty and part of the key if it is not", strings.Join(keys, ", "))
	l.say("config", "nothing; the history says RUN %s", orNone(strings.Join(s.args, ", "), "and the arguments", "|"+fmt.Sprint(len(s.args))+", the ARGs with their values, and the arguments"))
	x.layered(l, s)
}

func knownWord(known bool) string {
	if known {
		return ""
	}
	return "unknown"
}

// setUp tells what every container has, once in full.
func (x *explaining) setUp(l *Line) {
	if x.told > 0 {
		l.say("container", "set up as that of line %d", x.told)
		return
	}
	x.told = l.Line
	d := x.described
	l.say("namespaces", "%s of its own, in the user namespace that the whole build has; the host's network, without --network private", strings.Join(d.Namespaces, ", "))
	for _, m := range d.Mounts {
		l.say("mounts", "%s", m)
	}
	l.say("mounts", "%s show nothing; %s are read-only", strings.Join(d.Masked, ", "), strings.Join(d.ReadOnly, ", "))
	l.say("capabilities", "%s; none for a user that is not root; setuid programs work (no_new_privs is off)", strings.Join(d.Capabilities, ", "))
	l.say("seccomp", "Docker's default profile: %d system calls may be made, some with certain arguments only, the rest fail; programs of another architecture are killed", d.Syscalls)
}
