package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

// scenario is some work that is timed, with all builders and floors that do the same.
type scenario struct {
	name, what string
	run        func(context.Context, *bench) error
}

// scenarios are in the order in which they run and are reported.
func scenarios() []scenario {
	return []scenario{
		{"start", "the program that prints its version", start},
		{"steps", "50 × RUN true on a base that is there, nothing cached", steps},
		{"cached", "the same again, everything cached", cached},
		{"copy", "COPY of 20,000 files, 400 MB: cold, again, and with one file changed", copyTree},
		{"pull", "FROM an image of six layers into an empty store, and RUN true", pull},
		{"stages", "four stages that take 2 s each", stages},
		{"push", "build of three fresh layers of 100 MB, and push", push},
		{"apt", "apt-get update, and install git", apt},
		{"memory", "peak memory of COPY of 400 MB, and of a layer of 1 GB", memory},
		{"growth", "what a build costs by the number of steps, layers, files, stages, cache entries, images", growth},
	}
}

func choose(names []string) ([]scenario, error) {
	if len(names) == 0 {
		return scenarios(), nil
	}
	all := scenarios()
	var chosen []scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("%s: no such scenario: `bench list` has them", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// each makes opponents of the other builders.
func (b *bench) each(turnOf func(builder) turn) []opponent {
	var all []opponent
	for _, p := range b.peers {
		all = append(all, opponent{p.name(), turnOf(p)})
	}
	return all
}

// warm resets a builder and lets it fetch a base.
func (b *bench) warm(ctx context.Context, t builder, base string) error {
	if err := t.reset(ctx); err != nil {
		return err
	}
	file, err := b.dockerfile("warm", "FROM "+base+"\nRUN true\n")
	if err != nil {
		return err
	}
	return b.do(t.build(ctx, job{tag: "made/warm", file: file, context: b.contextDir("empty")}))
}

// warmAll does so for ours and for all peers. One that cannot is left out of the scenario.
func (b *bench) warmAll(ctx context.Context, base string) error {
	if err := b.warm(ctx, b.ours, base); err != nil {
		return err
	}
	for _, p := range b.peers {
		if err := b.warm(ctx, p, base); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			b.leaveOut(p.name(), err)
		}
	}
	return nil
}

// leaveOut says and keeps that a peer fails in the scenario that is being measured.
func (b *bench) leaveOut(peer string, err error) {
	b.gone[peer] = true
	fmt.Fprintf(os.Stderr, "bench: %s: %s failed: %v\n", b.now, peer, err)
	b.results.failed(b.now, peer, err)
}

// floor is an opponent that runs a command of the machine's.
func (b *bench) floor(name, metric string, command func(context.Context) (*exec.Cmd, error)) opponent {
	return opponent{name, func(ctx context.Context) (map[string]float64, error) {
		cmd, err := command(ctx)
		if err != nil {
			return nil, err
		}
		ms, err := b.ms(cmd)
		return map[string]float64{metric: ms}, err
	}}
}
