package explain

import (
	"strings"

	"github.com/shbuild/shbuild/dsl/instr"
	"github.com/shbuild/shbuild/registry/reference"
)

// base explains what a FROM stands on, if that is an image.
func (x *explaining) base(l *Line, s *stage, name, platform string) {
	if name == "scratch" {
		s.known = true
		s.image.WorkingDir = "/"
		s.vars = s.vars.set("PATH", defaultPath)
		l.say("fetch", "nothing: scratch is no image, but the absence of one")
		l.say("layer", "none: the stage's first layer is what the next RUN, COPY or ADD makes")
		l.say("config", "Env gets PATH=%s, WorkingDir is /", defaultPath)
		return
	}
	s.below = []string{name}
	img, ok := x.known(name)
	switch {
	case !ok:
		x.fetch(l, name, platform)
		l.say("config", "all of the base's: Env, Cmd, Entrypoint, User, WorkingDir, Labels and the rest; its ONBUILD triggers are carried out here")
		return
	case img.Layers == 1:
		l.say("fetch", "nothing: %s is %s, 1 layer", name, img.Where)
	default:
		l.say("fetch", "nothing: %s is %s, %d layers; --pull would ask the registry", name, img.Where, img.Layers)
	}
	if err := s.takes(img); err != nil {
		x.errs = append(x.errs, err)
		return
	}
	if _, has := (&lookup{vars: s.vars}).Get("PATH"); !has {
		s.vars = s.vars.set("PATH", defaultPath)
	}
	l.say("layer", "the base's, each unpacked once into a folder under its chain ID, and shared by all that stands on it")
	l.say("config", "all of the base's: variables %s; user %s; folder %s", s.vars.names(), s.user(), s.workdir())
	triggers := s.image.OnBuild
	s.image.OnBuild = nil
	for _, trigger := range triggers {
		l.say("note", "the base's ONBUILD is carried out here: %s", trigger)
		if cmd, err := instr.Onbuild(trigger); err == nil {
			x.instruction(l, s, cmd)
		}
	}
}

// defaultPath is the PATH of a stage whose base has none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func (x *explaining) known(name string) (*Image, bool) {
	if x.options.Known == nil {
		return nil, false
	}
	return x.options.Known(name)
}

// fetch explains a pull.
func (x *explaining) fetch(l *Line, name, platform string) {
	ref, err := reference.Parse(name)
	if err != nil {
		l.say("fetch", "%s is no image's name: %v", name, err)
		return
	}
	which := "this machine's platform"
	if x.options.Platform != "" {
		which = x.options.Platform
	}
	if platform != "" {
		which = platform
	}
	where := ref.Full()
	if where == name {
		where = "it"
	}
	l.say("fetch", "%s is not in the store, so %s comes from the registry %s: the index, its manifest for %s, the config, and the layers that are not here, several at once; every digest is checked",
		name, where, strings.TrimPrefix(ref.Host(), "index."), which)
	l.say("layer", "each layer's tar is unpacked into a folder of its own under its chain ID (whiteouts become overlayfs's), while it comes in")
}
