package build

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/containerd/platforms"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/reason"
	"github.com/shbuild/shbuild/runtime/userland"
)

// builtinScheme begins the names of images that the builder brings itself.
const builtinScheme = "builtin:"

// noSuchBuiltin answers the name of a builtin image that there is none of.
func noSuchBuiltin(name string) error {
	if !strings.HasPrefix(name, builtinScheme) || name == userland.Name {
		return nil
	}
	return diag.WithHint(fmt.Errorf("%s: there is no such builtin image", name), "the one that there is: "+userland.Name)
}

// loadBuiltin is the configuration of FROM builtin:toybox.
func (b *Builder) loadBuiltin(img *base) error {
	if img.platform.OS != "linux" || img.platform.Architecture != runtime.GOARCH {
		return diag.WithHint(fmt.Errorf("%s is not there for %s", img.name, platforms.FormatAll(img.platform)),
			"it is the builder's own: linux/"+runtime.GOARCH+" here")
	}
	raw, err := userland.Config()
	if err != nil {
		return err
	}
	return img.setConfig(raw)
}

// unpackBuiltin makes a folder of the userland that the program carries.
func (b *Builder) unpackBuiltin(ctx context.Context) (files, Ending, error) {
	version, err := userland.Version()
	if err != nil {
		return files{}, Failed, err
	}
	id := "toybox-" + version
	made := files{layers: []layerRef{{ID: id, Made: reason.Image(userland.Name, "linux/"+runtime.GOARCH, version)}}}
	if _, there, err := b.layers.Get(id); there || err != nil {
		return made, Cached, err
	}
	if err := b.work(); err != nil {
		return files{}, Canceled, err
	}
	draft, err := b.layers.Draft()
	if err != nil {
		return files{}, Failed, err
	}
	if err := applyFrom(ctx, draft.Dir, userland.Write); err != nil {
		draft.Discard()
		return files{}, Failed, err
	}
	_, err = draft.Commit(id)
	return made, Done, err
}

// applyFrom unpacks the tar that write writes.
func applyFrom(ctx context.Context, dir string, write func(io.Writer) error) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w)) }()
	_, err := layer.Apply(ctx, r, dir)
	r.CloseWithError(err)
	return err
}
