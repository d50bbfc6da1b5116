// Package reference reads image names the way Docker does: "debian" is
// docker.io/library/debian:latest, "localhost:5000/x" is on a registry of its own.
//
// A Ref is always complete: it has a registry, a path, and a tag or a digest. The three
// spellings of one name (as typed, in full, and for go-containerregistry, which calls
// docker.io index.docker.io) are made here and nowhere else. Nothing is looked up: that a
// name is well formed does not mean that there is such an image.
package reference

import (
	"fmt"
	"net"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/shbuild/shbuild/internal/pattern"
)

const (
	hub        = "docker.io"
	hubLibrary = "library/"
	maxPath    = 255 // the longest registry and path together, as distribution has it
)

// The grammar of the OCI distribution specification, "Pulling manifests", and of Docker's
// distribution/reference for the registry. Compiled when first used: a container's init starts with this program too, and needs none.
var (
	domainForm = pattern.Lazy(`^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$`)
	pathForm   = pattern.Lazy(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagForm    = pattern.Lazy(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$`)
	digestForm = pattern.Lazy(`^sha256:[a-f0-9]{64}$`)
	idForm     = pattern.Lazy(`^[a-f0-9]{64}$`)
)

// Ref is a complete image name. The zero value is no name.
type Ref struct {
	Domain string // the registry as the user types it: docker.io, 127.0.0.1:5000
	Path   string // the repository: library/debian
	Tag    string // empty when there is a Digest
	Digest string // sha256:…, or empty
}

// Parse reads a name as a user types it. Of a name with both tag and digest the digest counts.
// Errors are of type *Error.
func Parse(typed string) (Ref, error) {
	rest := typed
	if err := checkWhole(typed); err != nil {
		return Ref{}, err
	}
	var r Ref
	if base, digest, ok := strings.Cut(rest, "@"); ok {
		if !digestForm().MatchString(digest) {
			return Ref{}, &Error{Name: typed, Reason: fmt.Sprintf("%q is not a digest", digest), Advice: "a digest is sha256: and 64 digits 0-9a-f"}
		}
		rest, r.Digest = base, digest
	}
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.Contains(rest[i:], "/") {
		if tag := rest[i+1:]; !tagForm().MatchString(tag) {
			return Ref{}, &Error{Name: typed, Reason: fmt.Sprintf("%q is not a tag", tag), Advice: "a tag has 1 to 128 letters, digits, '_', '.' or '-', and begins with none of the last two"}
		}
		rest, r.Tag = rest[:i], rest[i+1:]
	}
	r.Domain, r.Path = split(rest)
	if err := checkRepository(typed, r); err != nil {
		return Ref{}, err
	}
	switch {
	case r.Digest != "":
		r.Tag = ""
	case r.Tag == "":
		r.Tag = "latest"
	}
	return r, nil
}

// split finds the registry in front of a repository, by Docker's rule: the first element is a
// registry if it has a dot, a colon or a capital, or is localhost.
func split(repo string) (domain, path string) {
	first, rest, found := strings.Cut(repo, "/")
	if !found || (!strings.ContainsAny(first, ".:") && first != "localhost" && strings.ToLower(first) == first) {
		domain, path = hub, repo
	} else {
		domain, path = first, rest
	}
	if domain == "index.docker.io" || domain == "registry-1.docker.io" {
		domain = hub
	}
	if domain == hub && !strings.Contains(path, "/") {
		path = hubLibrary + path
	}
	return domain, path
}

// Full is the name with nothing left out: docker.io/library/debian:12.
func (r Ref) Full() string {
	return r.Domain + "/" + r.Path + r.version()
}

// Familiar is the shortest name that a user would type for the image, its tag made explicit:
// debian:12, localhost:5000/x:latest.
func (r Ref) Familiar() string {
	if r.Domain != hub {
		return r.Full()
	}
	short := r.Path
	if rest, ok := strings.CutPrefix(short, hubLibrary); ok && !strings.Contains(rest, "/") {
		short = rest
	}
	return short + r.version()
}

// String is Familiar.
func (r Ref) String() string { return r.Familiar() }

func (r Ref) version() string {
	if r.Digest != "" {
		return "@" + r.Digest
	}
	return ":" + r.Tag
}

// Host is the registry's host without its port, brackets of an IPv6 address removed.
func (r Ref) Host() string {
	if host, _, err := net.SplitHostPort(r.Domain); err == nil {
		return host
	}
	return strings.Trim(r.Domain, "[]")
}

// Loopback says whether the registry is on this machine by its very name; no name is resolved.
func (r Ref) Loopback() bool {
	host := r.Host()
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// Remote is the reference as go-containerregistry wants it. With plainHTTP it may fall back to
// HTTP where there is no TLS.
func (r Ref) Remote(plainHTTP bool) (name.Reference, error) {
	var opts []name.Option
	if plainHTTP {
		opts = append(opts, name.Insecure)
	}
	registry, err := name.NewRegistry(r.Domain, opts...)
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", r.Domain, err)
	}
	// Not name.ParseReference: it refuses repositories of one letter.
	repo := registry.Repo(r.Path)
	if r.Digest != "" {
		return repo.Digest(r.Digest), nil
	}
	return repo.Tag(r.Tag), nil
}
