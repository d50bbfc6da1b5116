package build

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/shbuild/shbuild/runtime/rootfs"
)

// workdirInputs are what the layer of a WORKDIR depends on.
type workdirInputs struct {
	Dir   string
	User  string
	Epoch *time.Time
}

// workdir carries out WORKDIR: the folder is made if it is not there, for the
// current USER. Other than for / that is a layer, even an empty one.
func (b *Builder) workdir(s *stage, sc *scope, in *input, dir string) error {
	if !path.IsAbs(dir) { // an absolute one stays as it is written
		dir = path.Join(s.workdir(), dir)
	}
	s.image.Config.WorkingDir = dir
	s.cwd, s.workdirSet = "", true
	if dir == "/" {
		sc.titles.title(in.text)
		s.commit("WORKDIR /", false)
		return nil
	}
	inputs := workdirInputs{path.Clean(dir), s.image.Config.User, s.epoch}
	title := sc.titles.title(in.title())
	in.step(s)
	s.node = &node{below: s.node, make: func(ctx context.Context, below files, _ []files) (files, error) {
		ctx, span := in.begin(ctx)
		f, err := b.do(ctx, &job{place: in.place, title: title, inputs: inputs, make: func(_ context.Context, root string, _ *output) error {
			var user rootfs.User
			if inputs.User != "" { // by the rules of --chown: whom the image does not have is root
				var err error
				if user.UID, user.GID, err = rootfs.ParseChown(root, inputs.User); err != nil {
					return err
				}
			}
			return makeDir(root, inputs.Dir, user, inputs.Epoch)
		}}, below)
		ended(span, err)
		return f, in.wrap(err)
	}}
	s.commit("WORKDIR "+dir, true)
	return nil
}

// changeDir carries out CWD: the folder for RUN and EXEC alone. It must be
// there; nothing is made for it, since it is not to show in the image.
func (s *stage) changeDir(dir string) error {
	if dir == "" {
		return fmt.Errorf("CWD needs a folder")
	}
	if !path.IsAbs(dir) {
		at := s.cwd
		if at == "" {
			at = s.workdir()
		}
		dir = path.Join(at, dir)
	}
	s.cwd = path.Clean(dir)
	return nil
}
