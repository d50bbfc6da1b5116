package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/remote"
	"github.com/shbuild/shbuild/runtime/build"
	"github.com/shbuild/shbuild/runtime/isolation"
)

const distUsage = `dist unpacks images into folders.

usage:
  dist pull [flags] IMAGE DIR    unpack an image into DIR, a new or an empty folder
  dist rm DIR…                   remove such folders: what is in them belongs to your sub-ids

"dist pull --help" tells the flags. The images are those of shbuild's FROM,
builtin:toybox and those of the store among them. It is shbuild under another
name: ln -s shbuild dist.
`

// dist is the program of that name.
func dist(args []string, std streams) int {
	if len(args) == 0 {
		fmt.Fprint(std.err, distUsage)
		return statusUsage
	}
	switch args[0] {
	case "pull":
		return distPull(args[1:], std)
	case "rm":
		return distRemove(args[1:], std)
	case "help", "--help", "-h":
		fmt.Fprint(std.out, distUsage)
		return 0
	}
	return badUsage(std, diag.WithHint(fmt.Errorf("dist has no command %s", args[0]), "dist --help"))
}

func distPull(args []string, std streams) int {
	var root string
	var o build.Options
	var always, quiet bool
	flags := pflag.NewFlagSet("dist pull", pflag.ContinueOnError)
	rootFlag(flags, &root)
	flags.BoolVar(&always, "pull", false, "ask the registry even if the image is here")
	flags.StringVar(&o.Platform, "platform", "", "the image for this `OS/ARCH[/VARIANT]` (default this machine's)")
	insecureFlag(flags, &o.Registry.Insecure)
	flags.BoolVarP(&quiet, "quiet", "q", false, "show no progress")
	if status, done := parseAs("dist", flags, args, std, "pull [flags] IMAGE DIR"); done {
		return status
	}
	if flags.NArg() != 2 {
		return badUsage(std, diag.WithHint(errors.New("dist pull takes an image and a folder"), "dist pull builtin:toybox rootfs"))
	}
	var err error
	if o.Root, err = stateRoot(root); err != nil {
		return badUsage(std, err)
	}
	o.Pull = always
	o.Registry = remote.Options{Insecure: o.Registry.Insecure}
	return insideWith(o, quiet, std, func(ctx context.Context, b *build.Builder, _ *display) (int, error) {
		return 0, b.Checkout(ctx, flags.Arg(0), flags.Arg(1))
	})
}

// insideWith is inside with a builder of the options, and its display.
func insideWith(o build.Options, quiet bool, std streams, f func(context.Context, *build.Builder, *display) (status int, err error)) int {
	return inside(std, -1, func(ctx context.Context, rung *isolation.Report) (status int, err error) {
		display := newDisplay(std.err, "auto", quiet)
		defer display.close()
		o.Isolation, o.Progress = rung, display
		b, err := build.New(o)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, b.Close()) }()
		return f(ctx, b, display)
	})
}

// distRemove removes folders as the root of the caller's sub-ids.
func distRemove(args []string, std streams) int {
	flags := pflag.NewFlagSet("dist rm", pflag.ContinueOnError)
	if status, done := parseAs("dist", flags, args, std, "rm DIR…"); done {
		return status
	}
	if flags.NArg() == 0 {
		return badUsage(std, diag.WithHint(errors.New("which folder is to be removed?"), "dist rm rootfs"))
	}
	return inside(std, -1, func(context.Context, *isolation.Report) (int, error) {
		for _, dir := range flags.Args() {
			fi, err := os.Lstat(dir)
			if err == nil && !fi.IsDir() {
				err = fmt.Errorf("%s is not a folder", dir)
			}
			if abs, aerr := filepath.Abs(dir); err == nil && (aerr != nil || abs == "/") {
				err = fmt.Errorf("%s is not to be removed", dir)
			}
			if err == nil {
				err = os.RemoveAll(dir)
			}
			if err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
}

// inside runs f in the namespaces, as far as they can be had, with the host's user uid as root (-1: the caller), and
// gives the exit status.
func inside(std streams, uid int, f func(context.Context, *isolation.Report) (status int, err error)) int {
	want, err := wantedIsolation("")
	if err != nil {
		return badUsage(std, err)
	}
	status, err := isolation.Enter(isolation.Options{Want: want, Root: uid}, func(r *isolation.Report) int {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		status, err := f(ctx, r)
		if err != nil {
			return failed(ctx, std, err)
		}
		return status
	})
	if err != nil {
		diag.Print(std.err, err, std.color())
		return statusFailed
	}
	return status
}
