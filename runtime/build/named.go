package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/platform"
	"github.com/shbuild/shbuild/registry/reference"
	"github.com/shbuild/shbuild/runtime/buildctx"
	"github.com/shbuild/shbuild/runtime/fetch"
)

// ContextName is the name under which --build-context NAME=… is looked for: an image's, as short as it can be.
func ContextName(name string) (string, error) {
	ref, err := reference.Parse(name)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(ref.Familiar(), ":latest"), nil
}

// What the sources of named contexts that are images begin with.
const (
	imageScheme  = "docker-image://"
	layoutScheme = "oci-layout://"
)

// CheckContext refuses the source of a named context that cannot be one. A folder's path comes back absolute.
func CheckContext(source string) (string, error) {
	switch {
	case strings.HasPrefix(source, imageScheme):
		name := strings.TrimPrefix(source, imageScheme)
		if name == scratchName {
			return source, nil
		}
		_, err := reference.Parse(name)
		return source, err
	case strings.HasPrefix(source, layoutScheme):
		dir, tag, digest := splitLayout(source)
		abs, err := filepath.Abs(dir)
		if err == nil {
			_, err = os.Stat(filepath.Join(abs, "index.json"))
		}
		if err != nil {
			return "", diag.WithHint(fmt.Errorf("%s: there is no OCI layout", dir), "shbuild build -o type=oci,tar=false,dest="+dir+" writes one")
		}
		return layoutScheme + abs + joinVersion(tag, digest), nil
	case IsRemote(source):
		return source, nil
	case strings.Contains(source, "://"):
		return "", diag.WithHint(errors.New("the kind of source is not known"), "a folder, docker-image://, oci-layout://, https://, or a repository's address")
	}
	abs, err := filepath.Abs(source)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s: there is no such folder", source)
	}
	return abs, nil
}

func joinVersion(tag, digest string) string {
	if digest != "" {
		return "@" + digest
	}
	return ":" + tag
}

// splitLayout takes oci-layout://PATH[:TAG][@DIGEST] apart.
func splitLayout(source string) (dir, tag, digest string) {
	rest := strings.TrimPrefix(source, layoutScheme)
	rest, digest, _ = strings.Cut(rest, "@")
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.Contains(rest[i:], "/") {
		rest, tag = rest[:i], rest[i+1:]
	}
	if tag == "" {
		tag = "latest"
	}
	return rest, tag, digest
}

// namedContext is the source that stands for an image or a stage of a name.
func (b *Builder) namedContext(name string) (string, bool) {
	if len(b.opts.Contexts) == 0 || strings.EqualFold(name, scratchName) || strings.EqualFold(name, "context") {
		return "", false
	}
	short, err := ContextName(strings.ToLower(name))
	if err != nil {
		return "", false
	}
	source, ok := b.opts.Contexts[short]
	return source, ok
}

// contextBase is a named context as a base.
func (b *Builder) contextBase(name, source string, p ocispec.Platform) (*base, error) {
	key := "context " + source + " " + p.OS + "/" + p.Architecture + "/" + p.Variant
	if image, ok := strings.CutPrefix(source, imageScheme); ok && image != scratchName {
		return b.resolveImage(image, p)
	}
	img := b.known(key, name, p)
	img.once.Do(func() { img.err = b.loadContext(img, source) })
	if img.err != nil {
		return img, fmt.Errorf("the build context %s: %w", name, img.err)
	}
	return img, nil
}

func (b *Builder) loadContext(img *base, source string) (err error) {
	img.config = scratch(img.platform)
	switch {
	case source == imageScheme+scratchName:
		img.node = &node{}
	case strings.HasPrefix(source, layoutScheme):
		dir, tag, digest := splitLayout(source)
		if img.image, err = fromLayout(dir, tag, digest, storePlatform(img.platform)); err == nil {
			err = img.readConfig()
		}
	default:
		img.folder, err = b.contextFolder(source)
	}
	return err
}

// contextFolder gives the files of a named context that is a folder, a URL or a repository.
func (b *Builder) contextFolder(source string) (func(context.Context) (part, error), error) {
	whole := &copying{word: "COPY", sources: []string{"/"}}
	if fetch.IsURL(source) {
		return func(context.Context) (part, error) {
			return b.urlPart(whole, &remoteSource{url: source, name: "context"})
		}, nil
	}
	repo, err := fetch.ParseRepository(source, false)
	if err != nil {
		return nil, err
	}
	if repo != nil {
		return func(context.Context) (part, error) { return b.repositoryPart(whole, repo) }, nil
	}
	return func(ctx context.Context) (part, error) {
		tree, err := buildctx.Open(source, b.contextOptions())
		if err != nil {
			return part{}, err
		}
		return whole.localPart(ctx, tree, whole.sources)
	}, nil
}

// contextInputs are what the files of a named context depend on.
type contextInputs struct{ Content string }

// contextFiles makes a layer of a named context's files.
func (b *Builder) contextFiles(ctx context.Context, img *base) (files, error) {
	p, err := img.folder(ctx)
	if err != nil {
		return files{}, fmt.Errorf("the build context %s: %w", img.name, err)
	}
	title := "load the build context " + img.name
	return b.do(ctx, &job{title: title, inputs: contextInputs{p.key}, parts: []part{p}, write: func(ctx context.Context, dir, _ string) error {
		to, err := buildctx.OpenDest(dir, "")
		if err != nil {
			return err
		}
		defer to.Close()
		if err := p.copy(ctx, to, "/", buildctx.CopyOptions{}); err != nil {
			return err
		}
		now := time.Now() // the folder itself is not the context's
		return os.Chtimes(dir, now, now)
	}}, files{})
}

// fromLayout finds an image in an OCI layout: by its digest, else by its tag, and in an index by its platform.
func fromLayout(dir, tag, digest string, want v1.Platform) (v1.Image, error) {
	path, err := layout.FromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("read the OCI layout %s: %w", dir, err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		return nil, fmt.Errorf("read the OCI layout %s: %w", dir, err)
	}
	if digest != "" {
		hash, err := v1.NewHash(digest)
		if err != nil {
			return nil, err
		}
		if img, err := path.Image(hash); err == nil {
			if _, err := img.Manifest(); err == nil {
				return img, nil
			}
		}
		nested, err := index.ImageIndex(hash)
		if err != nil {
			return nil, fmt.Errorf("the OCI layout %s has no image %s", dir, digest)
		}
		return ofPlatform(nested, nil, want)
	}
	return ofPlatform(index, func(d v1.Descriptor) bool {
		name := d.Annotations[ocispec.AnnotationRefName]
		return name == tag || strings.HasSuffix(name, ":"+tag)
	}, want)
}

// ofPlatform is an index's image that suits a platform best, of those that are wanted.
func ofPlatform(index v1.ImageIndex, wanted func(v1.Descriptor) bool, want v1.Platform) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var found []v1.Descriptor
	var have []v1.Platform
	for _, d := range manifest.Manifests {
		if wanted != nil && !wanted(d) {
			continue
		}
		if d.MediaType.IsIndex() {
			nested, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			return ofPlatform(nested, nil, want)
		}
		p := want // one that says nothing is what it is
		if d.Platform != nil {
			p = *d.Platform
		}
		found, have = append(found, d), append(have, p)
	}
	switch best := platform.Best(want, have); {
	case best >= 0:
		return index.Image(found[best].Digest)
	case len(found) == 0:
		return nil, diag.WithHint(errors.New("the OCI layout has no image of that tag"), "oci-layout://PATH:TAG, or oci-layout://PATH@sha256:…")
	}
	return nil, fmt.Errorf("the OCI layout has no image for %s", platform.Format(want))
}
