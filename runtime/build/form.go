package build

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shbuild/shbuild/registry/image"
)

// Form is how an output wants an image written. The zero value is OCI with gzip.
type Form struct {
	Compression image.Compression // empty: gzip
	Level       *int              // of the compression's own; nil: the usual one
	Force       bool              // a base's layers too
	Docker      bool              // Docker's media types
	Annotations []Annotation
	// Later leaves the layers that were made here as the files that they are. The image names the digests of their tars;
	// a push compresses them.
	Later bool

	asIs bool // files have the times that they have here, whatever an image makes of them
}

// Annotation is an annotation of an image.
type Annotation struct {
	// On is what it stands on: "manifest", "index", "manifest-descriptor" or "index-descriptor".
	On         string
	Platform   *ocispec.Platform // of manifests: only of this one's; nil: of all
	Key, Value string
}

// The kinds of Annotation.On.
const (
	onManifest           = "manifest"
	onIndex              = "index"
	onManifestDescriptor = "manifest-descriptor"
	onIndexDescriptor    = "index-descriptor"
)

// AnnotationKinds are what annotations may stand on.
var AnnotationKinds = []string{onManifest, onIndex, onManifestDescriptor, onIndexDescriptor}

// compression is the form's, gzip if it says nothing.
func (f Form) compression() image.Compression {
	if f.Compression == "" {
		return image.Gzip
	}
	return f.Compression
}

// suffix is what a layer's blob in this form is called beside its usual one; empty: that is it.
func (f Form) suffix() string {
	text := ""
	if c := f.compression(); c != image.Gzip || f.Level != nil {
		text = "-" + string(c)
	}
	if f.Level != nil {
		text += "-" + strconv.Itoa(*f.Level)
	}
	return text
}

// annotations are those on one kind of thing, of one platform where that counts; nil: none.
func (f Form) annotations(on string, p *ocispec.Platform) map[string]string {
	var out map[string]string
	for _, a := range f.Annotations {
		if a.On != on || a.Platform != nil && (p == nil || platforms.FormatAll(*a.Platform) != platforms.FormatAll(platforms.Normalize(*p))) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[a.Key] = a.Value
	}
	return out
}

// check refuses annotations of what the build does not make.
func (f Form) check(built []ocispec.Platform) error {
	for _, a := range f.Annotations {
		if len(built) == 1 && (a.On == onIndex || a.On == onIndexDescriptor) {
			return fmt.Errorf("annotation %s: an image of one platform has no index", a.Key)
		}
		of := func(p ocispec.Platform) bool {
			return platforms.FormatAll(platforms.Normalize(p)) == platforms.FormatAll(*a.Platform)
		}
		if a.Platform != nil && !slices.ContainsFunc(built, of) {
			return fmt.Errorf("annotation %s: nothing is built for %s", a.Key, platforms.FormatAll(*a.Platform))
		}
	}
	return nil
}
