package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// bench is one call of the program.
type bench struct {
	dir, user, shbuild, out string
	rounds                  int
	patience                float64       // seconds
	calm                    time.Duration // how long settle waits at most
	only                    []string

	lock     *os.File // of the folder
	who      *account // whom rootless programs run as
	registry *registry
	ours     builder
	peers    []builder
	results  *results
	now      string          // the scenario that is being measured
	gone     map[string]bool // peers that failed in it
}

// open sees to the folder and starts the registry.
func (b *bench) open() (err error) {
	if b.who, err = lookUp(b.user, b.path("home"), b.path("run")); err != nil {
		return err
	}
	for _, dir := range []string{b.dir, b.path("log")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := b.takeFolder(); err != nil {
		return err
	}
	if err := b.who.makeFolders(); err != nil {
		return err
	}
	// A copy where the ordinary user can reach it, and that a build of the clone does not change under a run.
	if b.shbuild, err = copyProgram(b.shbuild, b.path("shbuild")); err != nil {
		return err
	}
	if b.registry, err = startRegistry(b); err != nil {
		return err
	}
	b.ours = &shbuild{b}
	return nil
}

// takeFolder keeps other benches out of the folder until this one ends: their daemons would share it.
func (b *bench) takeFolder() error {
	f, err := os.OpenFile(b.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("%s: another bench is at work in it, give this one a -dir: %w", b.dir, errors.Join(err, f.Close()))
	}
	b.lock = f
	return nil
}

// openPeers finds the other builders and starts their daemons.
func (b *bench) openPeers() (err error) {
	for _, make := range []func(*bench) builder{newDocker, newBuildkit, newRootlessBuildkit, newPodman, newBuildah} {
		p := make(b)
		if p == nil || len(b.only) > 0 && !slices.Contains(b.only, p.name()) {
			continue
		}
		if err := p.start(); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s is left out: %v\n", p.name(), err)
			continue
		}
		b.peers = append(b.peers, p)
	}
	b.results, err = openResults(filepath.Join(b.out, resultsFile))
	return err
}

func (b *bench) close() error {
	var errs []error
	for _, p := range b.peers {
		errs = append(errs, p.stop())
	}
	if b.registry != nil {
		errs = append(errs, b.registry.stop())
	}
	if b.lock != nil {
		errs = append(errs, b.lock.Close())
	}
	return errors.Join(errs...)
}

// measure runs a scenario and keeps its numbers in the place of those that it gave before.
func (b *bench) measure(ctx context.Context, s scenario) error {
	start := time.Now()
	b.now, b.gone = s.name, map[string]bool{}
	b.results.forget(s.name)
	b.results.describe(b)
	if err := s.run(ctx, b); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "bench: %s took %.0f s\n", s.name, time.Since(start).Seconds())
	return b.results.save()
}

// turn measures one side of a pair once. What it returns has the metrics by their names.
type turn func(context.Context) (map[string]float64, error)

// opponent is the other side of a pair: another builder, or the machine with none.
type opponent struct {
	name string
	turn turn
}

// pairs lets ours and each opponent take turns. One that fails is left out from then on.
func (b *bench) pairs(ctx context.Context, ours turn, others []opponent) error {
	spent := map[string]time.Duration{}
	for round := range b.rounds {
		for _, o := range others {
			if b.gone[o.name] || spent[o.name].Seconds() > b.patience {
				continue
			}
			var mine, theirs map[string]float64
			var err, failed error
			first := func() { mine, err = ours(ctx) }
			second := func() {
				start := time.Now()
				theirs, failed = o.turn(ctx)
				spent[o.name] += time.Since(start)
			}
			if round%2 == 1 {
				first, second = second, first
			}
			first()
			second()
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				return fmt.Errorf("shbuild: %w", err)
			}
			if failed != nil {
				b.leaveOut(o.name, failed)
				continue
			}
			b.results.pair(b.now, o.name, mine, theirs)
			if err := b.results.save(); err != nil { // as soon as there is something: a run may be cut off
				return err
			}
			fmt.Fprintf(os.Stderr, "bench: %s: %s\n", b.now, sideBySide(mine, o.name, theirs))
		}
	}
	return nil
}

// ms runs a command and gives its milliseconds. Before it starts, everything dirty goes to the disk, and the machine is
// given time to fall idle.
func (b *bench) ms(cmd *exec.Cmd) (float64, error) {
	b.settle()
	return b.again(cmd)
}

// again is ms at once, for short runs of the same that follow each other.
func (b *bench) again(cmd *exec.Cmd) (float64, error) {
	start := time.Now()
	err := b.do(cmd)
	return float64(time.Since(start).Microseconds()) / 1000, err
}

// do runs a command; its output is in the error if it fails.
func (b *bench) do(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd.Args, err, tail(out, 2000))
	}
	return nil
}

func tail(b []byte, n int) []byte {
	if len(b) > n {
		return b[len(b)-n:]
	}
	return b
}
