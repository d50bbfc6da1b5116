// Command bench times whole builds by shbuild, by every other builder that is found, and by the machine itself with no
// builder in the way, in pairs: shbuild and the other take turns within one run, and change places from round to round.
//
//	bench prepare            make the contexts and base images (Debian's mirror is needed), once
//	bench run [SCENARIO…]    measure; all scenarios if none is named
//	bench report             write docs/performance from what was measured
//	bench list               the scenarios
//	bench [SCENARIO…]        prepare, run, report
//
// It is best run as root: then dockerd and buildkitd are started as root, and everything rootless runs as an ordinary user
// (-user). Run by anyone else, it measures what is rootless. It leaves no process and no mount behind; its folder (-dir)
// stays, so that the next run need not make the contexts again.
//
// It judges nothing by seconds. A goal is a ratio to a floor or to the best other builder, taken of pairs that ran one after
// the other; the report keeps the seconds beside it, with the machine that they are of.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	runtime.LockOSThread() // see plain
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	b := &bench{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.dir, "dir", "/var/tmp/shbuild-bench", "keep contexts, images and stores in this `folder`")
	flags.StringVar(&b.user, "user", "shbuild-test", "as root: the ordinary `user` for what is rootless")
	flags.StringVar(&b.shbuild, "shbuild", "bin/shbuild", "the `program` to measure")
	flags.IntVar(&b.rounds, "n", 3, "pairs with each builder and each floor")
	flags.Float64Var(&b.patience, "patience", 40, "no more pairs with a builder that took this many `seconds` in one scenario")
	flags.DurationVar(&b.calm, "calm", 10*time.Second, "wait so long at most for the machine to be idle before each run")
	flags.StringVar(&b.out, "out", "docs/performance", "the `folder` of the report and of its numbers")
	only := flags.String("tools", "", "measure against these builders' `names` only, with commas between them, and against the floors")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: bench [flags] [prepare|run|report|list] [SCENARIO…]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if *only != "" {
		b.only = strings.Split(*only, ",")
	}
	verb, names := "", flags.Args()
	if len(names) > 0 {
		switch names[0] {
		case "prepare", "run", "report", "list":
			verb, names = names[0], names[1:]
		}
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	switch verb {
	case "list":
		for _, s := range chosen {
			fmt.Printf("%-10s %s\n", s.name, s.what)
		}
		return nil
	case "report":
		return report(b.out)
	}
	if err := b.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if verb != "run" {
		if err := b.prepare(ctx); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	if verb == "prepare" {
		return nil
	}
	if err := b.openPeers(); err != nil {
		return err
	}
	for _, s := range chosen {
		if err := b.measure(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return report(b.out)
}

// path is a path in the bench's folder.
func (b *bench) path(elem ...string) string {
	return filepath.Join(append([]string{b.dir}, elem...)...)
}
