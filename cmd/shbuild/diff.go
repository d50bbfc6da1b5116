package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/docker/go-units"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/compare"
	"github.com/shbuild/shbuild/registry/platform"
	"github.com/shbuild/shbuild/registry/store"
	"github.com/shbuild/shbuild/runtime/build"
	"github.com/shbuild/shbuild/runtime/userland"
)

// seeFlags are the flags of diff and history.
type seeFlags struct {
	root, platform string
	json           bool
}

func (f *seeFlags) register(flags *pflag.FlagSet) {
	rootFlag(flags, &f.root)
	flags.StringVar(&f.platform, "platform", "", "the image for this `OS/ARCH[/VARIANT]` (default this machine's)")
	flags.BoolVar(&f.json, "json", false, "print JSON")
}

// seen is the store that images are looked up in.
type seen struct {
	*store.Store
	platform v1.Platform
}

func (f *seeFlags) open() (*seen, error) {
	s := &seen{platform: platform.Host()}
	var err error
	if f.platform != "" {
		if s.platform, err = platform.Parse(f.platform); err != nil {
			return nil, err
		}
	}
	s.Store, err = (&imageFlags{root: f.root}).store()
	return s, err
}

// image finds an image by its name, or by the beginning of its ID as ls prints it.
func (s *seen) image(name string) (v1.Image, error) {
	img, ok, err := s.Image(name, s.platform)
	if ok {
		return img, nil
	}
	entries, lerr := s.List()
	if id := strings.TrimPrefix(name, "sha256:"); len(id) >= 6 {
		for _, e := range entries {
			if strings.HasPrefix(e.ID.Hex, id) || strings.HasPrefix(e.Digest.Hex, id) {
				return s.ByDigest(e.Digest)
			}
		}
	}
	if err == nil {
		err = lerr
	}
	if err != nil {
		return nil, err
	}
	return nil, diag.WithHint(fmt.Errorf("%s: no such image in the store", name), "shbuild ls lists the images; shbuild pull "+name+" fetches one")
}

// side finds an image to compare: one of the store, or one of the two that are always there.
func (s *seen) side(name string) (*compare.Side, error) {
	switch name {
	case "scratch":
		return &compare.Side{Name: name}, nil
	case userland.Name:
		return builtinSide()
	}
	img, err := s.image(name)
	if err != nil {
		return nil, err
	}
	return compare.Of(name, img)
}

func builtinSide() (*compare.Side, error) {
	config, err := userland.Config()
	if err != nil {
		return nil, err
	}
	diffID, err := userland.DiffID()
	if err != nil {
		return nil, err
	}
	layer := func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(userland.Write(w)) }()
		return r, nil
	}
	return &compare.Side{Name: userland.Name, Config: config, DiffIDs: []string{diffID}, Layers: []func() (io.ReadCloser, error){layer}}, nil
}

// builtinBase is the userland as an image's lowest layer has it; its history tells whether that is so.
func builtinBase(of *compare.Side) (*compare.Side, error) {
	var config struct {
		History []struct {
			CreatedBy string `json:"created_by"`
		} `json:"history"`
	}
	if err := json.Unmarshal(of.Config, &config); err != nil {
		return nil, err
	}
	if len(config.History) == 0 || config.History[0].CreatedBy != userland.Name || len(of.Layers) == 0 {
		return &compare.Side{}, nil
	}
	own, err := userland.Config()
	return &compare.Side{Name: userland.Name, Config: own, DiffIDs: of.DiffIDs[:1], Layers: of.Layers[:1]}, err
}

// base finds what an image stands on: of the images that are here, the one whose layers are the most of the
// lowest of it, but not all.
func (s *seen) base(of *compare.Side) (*compare.Side, error) {
	entries, err := s.List()
	if err != nil {
		return nil, err
	}
	best := &compare.Side{}
	consider := func(c *compare.Side) {
		n := len(c.DiffIDs)
		if n > len(best.DiffIDs) && n < len(of.DiffIDs) && compare.Shared(c, of) == n {
			best = c
		}
	}
	if b, err := builtinBase(of); err == nil {
		consider(b)
	}
	for _, e := range entries {
		img, err := s.ByDigest(e.Digest)
		if err != nil {
			return nil, err
		}
		c, err := compare.Of(e.Familiar, img)
		if err != nil {
			return nil, err
		}
		consider(c)
	}
	if len(best.DiffIDs) == 0 {
		return nil, diag.WithHint(fmt.Errorf("%s: what it stands on is not in the store", of.Name),
			"name what to compare it with: shbuild diff BASE "+of.Name+"; with scratch for BASE it is all that is in the image")
	}
	return best, nil
}

// diffImages is shbuild diff [flags] [BEFORE] AFTER.
func diffImages(args []string, std streams) int {
	var f seeFlags
	flags := pflag.NewFlagSet("shbuild diff", pflag.ContinueOnError)
	f.register(flags)
	if status, done := parse(flags, args, std, "diff [flags] [BEFORE] AFTER"); done {
		return status
	}
	if flags.NArg() != 1 && flags.NArg() != 2 {
		return badUsage(std, diag.WithHint(errors.New("diff takes two images, or one to compare with its base"), "shbuild diff app:1 app:2"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	s, err := f.open()
	if err != nil {
		return failed(ctx, std, err)
	}
	d, err := s.compare(ctx, flags.Args())
	if errors.As(err, new(*store.NotWritten)) {
		return f.diffInside(s, flags.Args(), std)
	}
	if err != nil {
		return failed(ctx, std, err)
	}
	return f.print(std, d)
}

// diffInside compares images whose layers are kept as files. As these have owners, it takes the namespaces.
func (f *seeFlags) diffInside(s *seen, names []string, std streams) int {
	return insideWith(build.Options{Root: stateOf(s.Store)}, true, std, func(ctx context.Context, b *build.Builder, _ *display) (int, error) {
		s.Store = b.Store()
		d, err := s.compare(ctx, names)
		if err != nil {
			return 0, err
		}
		return f.print(std, d), nil
	})
}

func (f *seeFlags) print(std streams, d *compare.Difference) int {
	if f.json {
		return printJSON(std, d)
	}
	printDifference(std.out, d)
	return 0
}

func (s *seen) compare(ctx context.Context, names []string) (*compare.Difference, error) {
	after, err := s.side(names[len(names)-1])
	if err != nil {
		return nil, err
	}
	var before *compare.Side
	if len(names) == 1 {
		before, err = s.base(after)
	} else {
		before, err = s.side(names[0])
	}
	if err != nil {
		return nil, err
	}
	return compare.Images(ctx, before, after)
}

func printJSON(std streams, v any) int {
	out := json.NewEncoder(std.out)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return failed(context.Background(), std, err)
	}
	return 0
}

func printDifference(w io.Writer, d *compare.Difference) {
	fmt.Fprintf(w, "%s → %s\n", d.Before, d.After)
	fmt.Fprintf(w, "layers: %d shared, %d only in %s, %d only in %s\n", d.Layers.Shared, d.Layers.Before, d.Before, d.Layers.After, d.After)
	if len(d.Files)+len(d.Config) == 0 {
		fmt.Fprintln(w, "no difference in files and configuration")
		return
	}
	count := map[string]int{}
	var grown int64
	for _, f := range d.Files {
		showFile(w, f)
		count[f.Kind]++
		switch f.Kind {
		case "deleted":
			grown -= f.Size
		default:
			grown += f.Size - f.Before
		}
	}
	showFields(w, d.Config)
	sign := "+"
	if grown < 0 {
		sign, grown = "-", -grown
	}
	fmt.Fprintf(w, "files: %d added, %d changed, %d deleted, %s%s\n", count["added"], count["changed"], count["deleted"], sign, units.HumanSize(float64(grown)))
}
