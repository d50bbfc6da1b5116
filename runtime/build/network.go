package build

import (
	"context"
	"errors"
	"sync"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/network"
	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/trace"
)

// privateNetwork is the build's own network. It is made when the first container is to be in it, so a build that finds
// all in the cache has none. Its zero value works.
type privateNetwork struct {
	mu    sync.Mutex
	own   *network.Network
	given *sandbox.Private
	err   error
}

// get makes the network, once.
func (p *privateNetwork) get(ctx context.Context, place *isolation.Report) (*sandbox.Private, error) {
	if place != nil && (place.Rung == isolation.Chroot || place.Rung == isolation.None) {
		return nil, diag.WithHint(errors.New("--network private: there is no network namespace on the rung "+string(place.Rung)),
			"--network host, or a better rung: shbuild doctor says what would reach it")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.given != nil || p.err != nil {
		return p.given, p.err
	}
	ctx, span := trace.Start(ctx, "network")
	defer span.End()
	own, err := network.New(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // the next one may try
	}
	if p.own, p.err = own, err; err == nil {
		p.given = &sandbox.Private{NameServer: own.NameServer(), Start: own.Start}
	}
	return p.given, p.err
}

// close ends the network, after its containers.
func (p *privateNetwork) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own == nil {
		return nil
	}
	return p.own.Close()
}
