package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/platform"
	"github.com/shbuild/shbuild/registry/remote"
	"github.com/shbuild/shbuild/registry/store"
	"github.com/shbuild/shbuild/runtime/build"
)

// imageFlags are the flags of pull, push and ls. The store's files are the caller's own, so these need no namespaces,
// but for a push of what is not compressed yet.
type imageFlags struct {
	root, platform string
	insecure       bool
	quiet          bool
}

// pull fetches images into the store.
func pull(args []string, std streams) int {
	v, status, done := imageVerb("pull", args, std)
	if done {
		return status
	}
	return v.each(std, func(ctx context.Context, c *remote.Client, name string) (string, error) {
		img, _, err := c.Fetch(ctx, name, v.platform)
		if err != nil {
			return "", err
		}
		desc, err := v.store.Put(ctx, img)
		if err != nil {
			return "", err
		}
		p := v.platform
		if desc.Platform != nil {
			p = *desc.Platform
		}
		return desc.Digest.String(), v.store.Tag(name, desc, p)
	})
}

// push sends images of the store to the registries that their names say. Images whose layers are still kept as files
// take the namespaces, where those are compressed.
func push(args []string, std streams) int {
	v, status, done := imageVerb("push", args, std)
	if done {
		return status
	}
	whole := true
	for _, name := range v.names {
		img, err := v.image(name)
		if err == nil && whole {
			whole, err = v.store.Whole(img)
		}
		if err != nil {
			return failed(context.Background(), std, err)
		}
	}
	if whole {
		return v.each(std, func(ctx context.Context, c *remote.Client, name string) (string, error) {
			img, err := v.image(name)
			if err != nil {
				return "", err
			}
			digest, err := img.Digest()
			if err != nil {
				return "", err
			}
			return digest.String(), c.Push(ctx, img, name)
		})
	}
	o := build.Options{Root: stateOf(v.store), Platform: v.flags.platform, Registry: remote.Options{Insecure: v.flags.insecure}}
	return insideWith(o, v.flags.quiet, std, func(ctx context.Context, b *build.Builder, d *display) (int, error) {
		for _, name := range v.names {
			digest, err := b.Send(ctx, name)
			if err != nil {
				return 0, err
			}
			v.tell(d.above(std.out), name, digest.String())
		}
		return 0, nil
	})
}

// image finds an image of the store.
func (v *imagesVerb) image(name string) (v1.Image, error) {
	img, ok, err := v.store.Image(name, v.platform)
	if err == nil && !ok {
		err = diag.WithHint(fmt.Errorf("%s: no such image in the store", name), "shbuild ls lists the images; shbuild -t "+name+" FILE builds one")
	}
	return img, err
}

// imagesVerb is pull or push with its flags.
type imagesVerb struct {
	verb     string
	flags    imageFlags
	names    []string
	platform v1.Platform
	store    *store.Store
}

// imageVerb reads the flags of a verb about images; done: there is nothing more to do.
func imageVerb(verb string, args []string, std streams) (v *imagesVerb, status int, done bool) {
	v = &imagesVerb{verb: verb, platform: platform.Host()}
	flags := pflag.NewFlagSet("shbuild "+verb, pflag.ContinueOnError)
	rootFlag(flags, &v.flags.root)
	flags.StringVar(&v.flags.platform, "platform", "", "the image for this `OS/ARCH[/VARIANT]` (default this machine's)")
	insecureFlag(flags, &v.flags.insecure)
	flags.BoolVarP(&v.flags.quiet, "quiet", "q", false, "print the digests alone")
	if status, done := parse(flags, args, std, verb+" [flags] NAME…"); done {
		return nil, status, true
	}
	if v.names = flags.Args(); len(v.names) == 0 {
		return nil, badUsage(std, fmt.Errorf("which image is to be %sed?", verb)), true
	}
	var err error
	if v.flags.platform != "" {
		if v.platform, err = platform.Parse(v.flags.platform); err != nil {
			return nil, badUsage(std, err), true
		}
	}
	if v.store, err = v.flags.store(); err != nil {
		return nil, failed(context.Background(), std, err), true
	}
	return v, 0, false
}

// each does the verb for each name.
func (v *imagesVerb) each(std streams, act func(ctx context.Context, c *remote.Client, name string) (digest string, err error)) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	client := remote.New(remote.Options{Insecure: v.flags.insecure})
	defer client.Close()
	for _, name := range v.names {
		digest, err := act(ctx, client, name)
		if err != nil {
			return failed(ctx, std, err)
		}
		v.tell(std.out, name, digest)
	}
	return 0
}

// tell says that the verb was done to an image.
func (v *imagesVerb) tell(w io.Writer, name, digest string) {
	if v.flags.quiet {
		fmt.Fprintln(w, digest)
		return
	}
	fmt.Fprintf(w, "%sed %s %s\n", v.verb, name, digest)
}

func (f *imageFlags) store() (*store.Store, error) {
	root, err := stateRoot(f.root)
	if err != nil {
		return nil, err
	}
	return store.Open(filepath.Join(root, "images"))
}

// stateOf is the state folder that a store is of.
func stateOf(s *store.Store) string { return filepath.Dir(s.Dir()) }

// list prints the images in the store.
func list(args []string, std streams) int {
	var f imageFlags
	flags := pflag.NewFlagSet("shbuild ls", pflag.ContinueOnError)
	rootFlag(flags, &f.root)
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print the names alone")
	if status, done := parse(flags, args, std, "ls [flags]"); done {
		return status
	}
	if flags.NArg() > 0 {
		return badUsage(std, errors.New("ls takes no names"))
	}
	images, err := f.store()
	if err != nil {
		return failed(context.Background(), std, err)
	}
	entries, err := images.List()
	if err != nil {
		return failed(context.Background(), std, err)
	}
	if f.quiet {
		for _, e := range entries {
			fmt.Fprintln(std.out, e.Familiar)
		}
		return 0
	}
	printEntries(std, entries)
	return 0
}

func printEntries(std streams, entries []store.Entry) {
	w := tabwriter.NewWriter(std.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tIMAGE ID\tPLATFORM\tCREATED\tSIZE")
	for _, e := range entries {
		created := "-"
		if !e.Created.IsZero() {
			created = units.HumanDuration(time.Since(e.Created)) + " ago"
		}
		fmt.Fprintf(w, "%s\t%.12s\t%s\t%s\t%s\n", e.Familiar, e.ID.Hex, platform.Format(e.Platform), created, units.HumanSize(float64(e.Size)))
	}
	w.Flush()
}
