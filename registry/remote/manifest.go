package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/shbuild/shbuild/registry/platform"
)

// maxManifest is what distribution takes for a manifest, in bytes.
const maxManifest = 4 << 20

var manifestTypes = []types.MediaType{
	types.OCIImageIndex, types.OCIManifestSchema1, types.DockerManifestList, types.DockerManifestSchema2,
	types.DockerManifestSchema1Signed, types.DockerManifestSchema1,
}

// manifest is a manifest of any kind, verified.
type manifest struct {
	raw       []byte
	digest    v1.Hash
	mediaType types.MediaType
	content   struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     types.MediaType `json:"mediaType"`
		ArtifactType  string          `json:"artifactType"`
		Config        *v1.Descriptor  `json:"config"`
		Layers        []v1.Descriptor `json:"layers"`
		Manifests     []v1.Descriptor `json:"manifests"`
	}
}

// get fetches a manifest by tag or digest.
func (r *repo) get(ctx context.Context, identifier string) (*manifest, error) {
	ctx, ended := r.client.o.Watch(ctx, "manifest "+identifier)
	defer ended()
	request, err := r.request(ctx, "manifests", identifier)
	if err != nil {
		return nil, err
	}
	accept := make([]string, len(manifestTypes))
	for i, t := range manifestTypes {
		accept[i] = string(t)
	}
	request.Header.Set("Accept", strings.Join(accept, ","))
	response, err := r.http.Do(request)
	if err != nil {
		return nil, r.explain(err)
	}
	defer response.Body.Close()
	if err := transport.CheckError(response, http.StatusOK); err != nil {
		return nil, r.explain(err)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxManifest+1))
	if err != nil {
		return nil, r.explain(err)
	}
	if len(raw) > maxManifest {
		return nil, r.fail(Wrong, "", "its manifest is larger than %d bytes", maxManifest)
	}
	return r.read(raw, identifier, types.MediaType(response.Header.Get("Content-Type")))
}

// read verifies a manifest and finds out what it is.
func (r *repo) read(raw []byte, identifier string, contentType types.MediaType) (*manifest, error) {
	m := &manifest{raw: raw}
	var err error
	if m.digest, _, err = v1.SHA256(bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	if strings.Contains(identifier, ":") && identifier != m.digest.String() {
		return nil, r.fail(Wrong, "the registry, or a proxy on the way, sent something else", "manifest %s: wrong digest: the content received is %s", identifier, m.digest)
	}
	if err := json.Unmarshal(raw, &m.content); err != nil {
		return nil, r.fail(NotImage, "is it a registry? A login page of a proxy looks like this", "the registry %s answers with %s that is no manifest: it begins with %q", r.ref.Domain, orNothing(contentType), beginning(raw))
	}
	// The body is under the digest, the header is not; but OCI 1.0 manifests need not say what they are.
	m.mediaType = m.content.MediaType
	if m.mediaType == "" {
		m.mediaType = types.MediaType(strings.TrimSpace(strings.Split(string(contentType), ";")[0]))
	}
	return m, r.checkKind(m)
}

// checkKind refuses what is no image and no index, and what could be taken for both
// (CVE-2021-41190).
func (r *repo) checkKind(m *manifest) error {
	image, index := m.content.Config != nil || m.content.Layers != nil, m.content.Manifests != nil
	switch {
	case m.mediaType.IsSchema1() || m.content.SchemaVersion == 1:
		return r.fail(NotImage, "ask its owner to push it again with a Docker of this decade, or copy it with: skopeo copy --format v2s2",
			"the image is in Docker's old format, schema 1")
	case image && index:
		return r.fail(Wrong, "", "its manifest is both an image's and an index's")
	case m.mediaType.IsIndex() && !image:
		return nil
	case m.mediaType.IsImage() && !index && m.content.Config != nil:
		return r.checkConfig(m)
	}
	return r.fail(NotImage, "", "not an image: its media type is %s", orNothing(m.mediaType))
}

// imageConfigs are the types that a config of a runnable image has; beside the two of the
// specifications those that old registries wrote for it, as containerd takes them.
var imageConfigs = []types.MediaType{types.OCIConfigJSON, types.DockerConfigJSON, "application/octet-stream", "application/json", "text/html", ""}

func (r *repo) checkConfig(m *manifest) error {
	if t := m.content.Config.MediaType; !slices.Contains(imageConfigs, t) {
		if m.content.ArtifactType != "" {
			t = types.MediaType(m.content.ArtifactType)
		}
		return r.fail(NotImage, "artifacts such as charts, signatures and SBOMs have no file system to build on", "not an image: it is an artifact of type %s", t)
	}
	return nil
}

// choose finds the manifest for a platform in an index, and in the indexes that it names.
func (r *repo) choose(ctx context.Context, m *manifest, p v1.Platform) (*manifest, error) {
	for depth := 0; m.mediaType.IsIndex(); depth++ {
		if depth == 3 {
			return nil, r.fail(Wrong, "", "its index is nested too deep")
		}
		desc, err := r.pick(m, p)
		if err != nil {
			return nil, err
		}
		if m, err = r.get(ctx, desc.Digest.String()); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// pick chooses by the platforms that the index gives; an entry without one is the last resort.
func (r *repo) pick(m *manifest, p v1.Platform) (v1.Descriptor, error) {
	var known, unknown []v1.Descriptor
	var have []v1.Platform
	for _, desc := range m.content.Manifests {
		switch {
		case !desc.MediaType.IsImage() && !desc.MediaType.IsIndex():
		case desc.Platform == nil || desc.Platform.OS == "":
			unknown = append(unknown, desc)
		case desc.Platform.OS != "unknown": // BuildKit's attestations
			known, have = append(known, desc), append(have, *desc.Platform)
		}
	}
	if best := platform.Best(p, have); best >= 0 {
		return known[best], nil
	}
	if len(unknown) > 0 {
		return unknown[0], nil
	}
	var there []string
	for _, one := range have {
		there = append(there, platform.Format(platform.Normalize(one)))
	}
	slices.Sort(there)
	advice := "the index is empty"
	if len(there) > 0 {
		advice = "there are: " + strings.Join(slices.Compact(there), ", ") + "; choose with --platform"
	}
	return v1.Descriptor{}, r.fail(NoPlatform, advice, "no image for %s", platform.Format(p))
}

// request is a GET of a manifest or a blob.
func (r *repo) request(ctx context.Context, kind, identifier string) (*http.Request, error) {
	repository := r.remote.Context()
	url := fmt.Sprintf("%s://%s/v2/%s/%s/%s", repository.Scheme(), repository.RegistryStr(), repository.RepositoryStr(), kind, identifier)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, errors.Join(r.fail(Refused, "", "cannot ask for %s", url), err)
	}
	return request, nil
}

func orNothing(t types.MediaType) string {
	if t == "" {
		return "nothing"
	}
	return string(t)
}

func beginning(raw []byte) string { return oneLine(string(raw[:min(len(raw), 40)])) }
