package remote

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"
)

// uploads is how many layers are sent at once.
const uploads = 4

// Push sends an image under a name: the layers that the repository does not have, the config, and
// last the manifest, so that the name never leads to an image that is not all there. A layer of a
// fetched image that the registry has in another repository is not sent but mounted from there.
func (c *Client) Push(ctx context.Context, img v1.Image, name string) error {
	return c.push(ctx, img, []v1.Image{img}, name)
}

// PushIndex sends an index under a name, its images first.
func (c *Client) PushIndex(ctx context.Context, index v1.ImageIndex, name string) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return fmt.Errorf("push %s: %w", name, err)
	}
	var images []v1.Image
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			return fmt.Errorf("push %s: %w", name, err)
		}
		images = append(images, img)
	}
	return c.push(ctx, index, images, name)
}

// A pushing is a repository that is pushed to.
type pushing struct {
	*repo
	pusher *ggcr.Pusher
}

// pushing logs in for a push.
func (c *Client) pushing(ctx context.Context, name string) (*pushing, error) {
	r, err := c.connect(ctx, name, transport.PushScope)
	if err != nil {
		return nil, err
	}
	// Retrying is ours, because it must end when ctx does.
	pusher, err := ggcr.NewPusher(ggcr.WithTransport(r.http.Transport), ggcr.WithRetryBackoff(ggcr.Backoff{Steps: 1}))
	if err != nil {
		return nil, fmt.Errorf("push %s: %w", r.ref, err)
	}
	return &pushing{r, pusher}, nil
}

// pushable is what a name may stand for.
type pushable interface {
	ggcr.Taggable
	Digest() (v1.Hash, error)
}

func (c *Client) push(ctx context.Context, what pushable, images []v1.Image, name string) error {
	r, err := c.pushing(ctx, name)
	if err != nil {
		return err
	}
	if digest, err := what.Digest(); err != nil {
		return fmt.Errorf("push %s: %w", r.ref, err)
	} else if r.ref.Digest != "" && r.ref.Digest != digest.String() {
		return r.fail(Wrong, "give it a tag", "the image to push is %s", digest)
	}
	for _, img := range images {
		if err := r.pushLayers(ctx, img); err != nil {
			return err
		}
	}
	ctx, ended := c.o.Watch(ctx, "push manifest and config")
	defer ended()
	return r.retry(ctx, func() error { return r.pusher.Push(ctx, r.remote, what) })
}

func (r *pushing) pushLayers(ctx context.Context, img v1.Image) error {
	layers, err := img.Layers()
	if err != nil {
		return fmt.Errorf("push %s: %w", r.ref, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploads)
	for _, layer := range layers {
		group.Go(func() error { return r.pushLayer(ctx, layer) })
	}
	return group.Wait()
}

// pushLayer sends a layer that the repository does not have.
func (r *pushing) pushLayer(ctx context.Context, layer v1.Layer) error {
	mediaType, err := layer.MediaType()
	if err != nil {
		return fmt.Errorf("push %s: %w", r.ref, err)
	}
	if !mediaType.IsDistributable() {
		return nil
	}
	digest, err := layer.Digest()
	if err != nil {
		return fmt.Errorf("push %s: %w", r.ref, err)
	}
	ctx, ended := r.client.o.Watch(ctx, "push layer "+digest.String())
	defer ended()
	return r.retry(ctx, func() error { return r.pusher.Upload(ctx, r.remote.Context(), layer) })
}

// retry repeats an upload from its start as long as the fault may pass.
func (r *repo) retry(ctx context.Context, upload func() error) error {
	for try := 1; ; try++ {
		err := upload()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var answer *transport.Error
		if try >= r.client.o.Tries || !passing(err) && !(errors.As(err, &answer) && passingStatus(answer.StatusCode)) {
			return r.explain(err)
		}
		if err := wait(ctx, r.client.o.Pause, try, 0); err != nil {
			return err
		}
	}
}
