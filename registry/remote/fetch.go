package remote

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/shbuild/shbuild/registry/platform"
)

// Fetch finds the image of a name that suits the platform best; the zero platform is this
// machine's. A name that is one image, not an index, is taken whatever its platform: its config
// says which it is. The hash is what the name stands for: of the index, if it is one.
//
// Only manifests are read now; the config when it is asked for, and each layer whenever it is
// opened, under this ctx.
func (c *Client) Fetch(ctx context.Context, name string, p v1.Platform) (v1.Image, v1.Hash, error) {
	if p.OS == "" {
		p = platform.Host()
	}
	r, err := c.connect(ctx, name, transport.PullScope)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	top, err := r.get(ctx, r.remote.Identifier())
	if err != nil {
		return nil, v1.Hash{}, r.suggestTags(ctx, err)
	}
	m, err := r.choose(ctx, top, p)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	core := &fetched{ctx: ctx, repo: r, manifest: m}
	img, err := partial.CompressedToImage(core)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	return &mountable{Image: img, repo: r}, top.digest, nil
}

// suggestTags says which tags there are when the one asked for is not. It asks quickly or not
// at all.
func (r *repo) suggestTags(ctx context.Context, err error) error {
	e, ok := err.(*Error)
	if !ok || e.Kind != NotFound || r.ref.Tag == "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	tags, lerr := ggcr.List(r.remote.Context(), ggcr.WithTransport(r.http.Transport), ggcr.WithContext(ctx))
	if lerr != nil || len(tags) == 0 {
		return err
	}
	slices.Sort(tags)
	const most = 8
	like := slices.DeleteFunc(slices.Clone(tags), func(t string) bool { return !strings.HasPrefix(t, r.ref.Tag[:1]) })
	if len(tags) > most && len(like) > 0 {
		tags = like
	}
	e.Advice = "the repository has the tags " + strings.Join(tags[:min(len(tags), most)], ", ")
	if len(tags) > most {
		e.Advice += ", …"
	}
	return e
}

// fetched is an image of a registry; partial.CompressedToImage makes the rest of v1.Image.
type fetched struct {
	ctx      context.Context // v1.Layer has no place for one
	repo     *repo
	manifest *manifest

	mu     sync.Mutex
	config []byte
}

func (f *fetched) RawManifest() ([]byte, error)        { return f.manifest.raw, nil }
func (f *fetched) MediaType() (types.MediaType, error) { return f.manifest.mediaType, nil }
func (f *fetched) Manifest() (*v1.Manifest, error) {
	return v1.ParseManifest(bytes.NewReader(f.manifest.raw))
}
func (f *fetched) ConfigFile() (*v1.ConfigFile, error) { return partial.ConfigFile(f) }

// maxConfig bounds what a config may take in memory, in bytes.
const maxConfig = 32 << 20

func (f *fetched) RawConfigFile() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.config != nil {
		return f.config, nil
	}
	desc := *f.manifest.content.Config
	if desc.Size > maxConfig {
		return nil, f.repo.fail(Wrong, "", "its config is larger than %d bytes", maxConfig)
	}
	ctx, ended := f.repo.client.o.Watch(f.ctx, "config "+desc.Digest.String())
	defer ended()
	raw, err := io.ReadAll(f.repo.blob(ctx, desc, "config"))
	if err != nil {
		return nil, err
	}
	got, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if got != desc.Digest {
		return nil, f.repo.fail(Wrong, "the registry, or a proxy on the way, sent something else", "config %s: wrong digest: the content received is %s", desc.Digest, got)
	}
	if _, err := v1.ParseConfigFile(bytes.NewReader(raw)); err != nil {
		return nil, f.repo.fail(NotImage, "", "config %s: %v", desc.Digest, err)
	}
	f.config = raw
	return raw, nil
}

func (f *fetched) LayerByDigest(d v1.Hash) (partial.CompressedLayer, error) {
	desc, err := partial.BlobDescriptor(f, d)
	if err != nil {
		return nil, err
	}
	return &fetchedLayer{image: f, desc: *desc}, nil
}

type fetchedLayer struct {
	image *fetched
	desc  v1.Descriptor
}

func (l *fetchedLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l *fetchedLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l *fetchedLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l *fetchedLayer) Descriptor() (*v1.Descriptor, error) { return &l.desc, nil }
func (l *fetchedLayer) DiffID() (v1.Hash, error)            { return partial.BlobToDiffID(l.image, l.desc.Digest) }

// Compressed is the raw stream: its digest is for the reader to verify.
func (l *fetchedLayer) Compressed() (io.ReadCloser, error) {
	return l.image.repo.blob(l.image.ctx, l.desc, "layer"), nil
}

// mountable marks the layers with their repository, so that a push to the same registry need not
// send them.
type mountable struct {
	v1.Image
	repo *repo
}

func (m *mountable) Layers() ([]v1.Layer, error) {
	layers, err := m.Image.Layers()
	if err != nil {
		return nil, err
	}
	for i, layer := range layers {
		layers[i] = &ggcr.MountableLayer{Layer: layer, Reference: m.repo.remote}
	}
	return layers, nil
}

// status is the error of an answer to a request for a blob.
func status(response *http.Response) error {
	return transport.CheckError(response, http.StatusOK, http.StatusPartialContent)
}
