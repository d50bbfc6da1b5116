package main

import (
	"context"
	"errors"
	"fmt"
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
)

// imageFlags are the flags of pull, push and ls. These need no namespaces:
// the store's files are the caller's own.
type imageFlags struct {
	root, platform string
	insecure       bool
	quiet          bool
}

// pull fetches images into the store.
func pull(args []string, std streams) int {
	return eachImage("pull", args, std, func(ctx context.Context, c *remote.Client, s *store.Store, name string, p v1.Platform) (string, error) {
		img, _, err := c.Fetch(ctx, name, p)
		if err != nil {
			return "", err
		}
		desc, err := s.Put(ctx, img)
		if err != nil {
			return "", err
		}
		if desc.Platform != nil {
			p = *desc.Platform
		}
		return desc.Digest.String(), s.Tag(name, desc, p)
	})
}

// push sends images of the store to the registries that their names say.
func push(args []string, std streams) int {
	return eachImage("push", args, std, func(ctx context.Context, c *remote.Client, s *store.Store, name string, p v1.Platform) (string, error) {
		img, ok, err := s.Image(name, p)
		if err != nil {
			return "", err
		}
		if !ok {
			return "", diag.WithHint(fmt.Errorf("%s: no such image in the store", name), "shbuild ls lists the images; shbuild -t "+name+" FILE builds one")
		}
		digest, err := img.Digest()
		if err != nil {
			return "", err
		}
		return digest.String(), c.Push(ctx, img, name)
	})
}

type imageAct func(ctx context.Context, c *remote.Client, s *store.Store, name string, p v1.Platform) (digest string, err error)

func eachImage(verb string, args []string, std streams, act imageAct) int {
	var f imageFlags
	flags := pflag.NewFlagSet("shbuild "+verb, pflag.ContinueOnError)
	rootFlag(flags, &f.root)
	flags.StringVar(&f.platform, "platform", "", "the image for this `OS/ARCH[/VARIANT]` (default this machine's)")
	insecureFlag(flags, &f.insecure)
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print the digests alone")
	if status, done := parse(flags, args, std, verb+" [flags] NAME…"); done {
		return status
	}
	if flags.NArg() == 0 {
		return badUsage(std, fmt.Errorf("which image is to be %sed?", verb))
	}
	p := platform.Host()
	if f.platform != "" {
		var err error
		if p, err = platform.Parse(f.platform); err != nil {
			return badUsage(std, err)
		}
	}
	images, err := f.store()
	if err != nil {
		return failed(context.Background(), std, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	client := remote.New(remote.Options{Insecure: f.insecure})
	defer client.Close()
	for _, name := range flags.Args() {
		digest, err := act(ctx, client, images, name, p)
		if err != nil {
			return failed(ctx, std, err)
		}
		if f.quiet {
			fmt.Fprintln(std.out, digest)
		} else {
			fmt.Fprintf(std.out, "%sed %s %s\n", verb, name, digest)
		}
	}
	return 0
}

func (f *imageFlags) store() (*store.Store, error) {
	root, err := stateRoot(f.root)
	if err != nil {
		return nil, err
	}
	return store.Open(filepath.Join(root, "images"))
}

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
