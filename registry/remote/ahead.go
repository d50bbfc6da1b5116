package remote

import (
	"context"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
)

// Ahead sends layers before there is an image that they are of, while others are still being compressed. It tells of no
// failure: [Client.Push] sends what is not there, and meets it again.
type Ahead struct {
	ctx    context.Context
	login  func() (*pushing, error)
	layers errgroup.Group
}

// Ahead begins to send layers to the repository of a name. It asks nothing of the registry before there is a layer.
// Wait must be called.
func (c *Client) Ahead(ctx context.Context, name string) *Ahead {
	a := &Ahead{ctx: ctx, login: sync.OnceValues(func() (*pushing, error) { return c.pushing(ctx, name) })}
	a.layers.SetLimit(uploads)
	return a
}

// Send begins to send a layer, which must be there as a whole. It waits while too many are on their way.
func (a *Ahead) Send(layer v1.Layer) {
	a.layers.Go(func() error {
		if r, err := a.login(); err == nil {
			_ = r.pushLayer(a.ctx, layer)
		}
		return nil
	})
}

// Wait waits for what was sent.
func (a *Ahead) Wait() { _ = a.layers.Wait() }
