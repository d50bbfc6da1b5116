package build

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/registry/image"
	"github.com/shbuild/shbuild/registry/remote"
)

// Named is an image and the names it was given, in full; none for a result
// without -t.
type Named struct {
	Names []string
	Image v1.Image
	ID    string // digest of the configuration, "sha256:…"
}

// image makes an image of a stage. Its layers begin to go to the registries of the names that it is going to be pushed
// to.
func (b *Builder) image(ctx context.Context, s *stage, labels map[string]string, form Form, pushTo []string) (Named, error) {
	f, err := s.node.solve(ctx)
	if err != nil {
		return Named{}, err
	}
	layers, err := b.sentLayers(ctx, f, form, pushTo)
	if err != nil {
		return Named{}, err
	}
	diffIDs, err := b.chain(f, layers)
	if err != nil {
		return Named{}, err
	}
	config, err := b.config(s, f, diffIDs, labels)
	if err != nil {
		return Named{}, err
	}
	img, err := image.New(config, layers, image.Options{Docker: form.Docker, Annotations: form.annotations(onManifest, &s.platform)})
	if err != nil {
		return Named{}, err
	}
	return Named{Image: img, ID: digest.FromBytes(config).String()}, nil
}

// sentLayers are the layers as an image has them. Those that are ready begin to go to the registries of the names while
// others are compressed.
func (b *Builder) sentLayers(ctx context.Context, f files, form Form, names []string) ([]v1.Layer, error) {
	var sending []*remote.Ahead
	for _, name := range names {
		a := b.registry.Ahead(ctx, name)
		defer a.Wait()
		sending = append(sending, a)
	}
	return b.imageLayers(ctx, f, form, func(l v1.Layer) {
		for _, a := range sending {
			a.Send(l)
		}
	})
}

// chain returns the layers' diff IDs, and records the folders under their
// chain IDs, so that a FROM of this image finds them.
func (b *Builder) chain(f files, layers []v1.Layer) ([]digest.Digest, error) {
	diffIDs := make([]digest.Digest, len(layers))
	for i, l := range layers {
		id, err := l.DiffID()
		if err != nil {
			return nil, err
		}
		diffIDs[i] = digest.Digest(id.String())
	}
	chains := identity.ChainIDs(slices.Clone(diffIDs))
	for i := b.recorded(chains); i < len(chains); i++ {
		if b.rewrites(f.layers[i], Form{}) {
			continue // the folder's files have other times
		}
		if err := b.cache.PutChain(chains[i].String(), f.layers[i].ID); err != nil {
			return nil, err
		}
	}
	return diffIDs, nil
}

// recorded is how many of the chains, from the first, have records. They are written in that order, so one that is there
// stands for all before it.
func (b *Builder) recorded(chains []digest.Digest) int {
	for i, chain := range slices.Backward(chains) {
		if known, ok := b.cache.Chain(chain.String()); ok {
			if _, there, err := b.layers.Get(known); there && err == nil {
				return i + 1
			}
		}
	}
	return 0
}

// config is the image's configuration as JSON: the same bytes that BuildKit
// writes, which sorts the members.
func (b *Builder) config(s *stage, f files, diffIDs []digest.Digest, labels map[string]string) ([]byte, error) {
	c := s.clone()
	for k, v := range labels {
		if c.image.Config.Labels == nil {
			c.image.Config.Labels = map[string]string{}
		}
		c.image.Config.Labels[k] = v
	}
	history := dated(c.image.History, f)
	b.clamp(history, s.baseHistory)
	members := map[string]json.RawMessage{}
	raw, err := json.Marshal(c.image)
	if err == nil {
		err = json.Unmarshal(raw, &members)
	}
	for name, v := range map[string]any{
		"rootfs":  ocispec.RootFS{Type: "layers", DiffIDs: diffIDs},
		"history": history,
		"created": lastCreated(history),
	} {
		if err == nil {
			members[name], err = json.Marshal(v)
		}
	}
	if err == nil {
		raw, err = json.Marshal(members)
	}
	if err != nil {
		return nil, fmt.Errorf("write the image's configuration: %w", err)
	}
	return raw, nil
}

// dated gives every entry of a history its time: an entry with a layer has
// the layer's; the others have that of the last entry that has one, counted
// from the first new layer.
func dated(history []ocispec.History, f files) []ocispec.History {
	out := make([]ocispec.History, 0, len(history))
	layers := 0
	for _, h := range history {
		if !h.EmptyLayer && layers >= len(f.layers) {
			h.EmptyLayer = true // the base's history speaks of layers that it does not have
		}
		if !h.EmptyLayer {
			if created := f.layers[layers].Created; h.Created == nil && !created.IsZero() {
				h.Created = &created
			}
			layers++
		}
		out = append(out, h)
	}
	for _, l := range f.layers[layers:] { // the base has layers that its history does not tell
		out = append(out, ocispec.History{CreatedBy: l.Title, Comment: "buildkit.exporter.image.v0", Created: stamp(l.Created)})
	}
	fillTimes(out)
	return out
}

func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func fillTimes(history []ocispec.History) {
	var current *time.Time
	gap := false
	for _, h := range history {
		if h.Created == nil {
			gap = true
			continue
		}
		current = h.Created
		if gap {
			break // the first time after a gap: that of the first new layer
		}
	}
	gap = false
	for i := range history {
		if history[i].Created == nil {
			gap = true
			history[i].Created = current
		} else if gap {
			current = history[i].Created
		}
	}
}

func lastCreated(history []ocispec.History) *time.Time {
	var last *time.Time
	for _, h := range history {
		if h.Created != nil {
			last = h.Created
		}
	}
	return last
}

// clamp lets SOURCE_DATE_EPOCH stand for every later time of what is not the
// base image's.
func (b *Builder) clamp(history []ocispec.History, base int) {
	if b.epoch == nil {
		return
	}
	for i := min(base, len(history)); i < len(history); i++ {
		if h := &history[i]; h.Created == nil || h.Created.After(*b.epoch) {
			h.Created = b.epoch
		}
	}
}
