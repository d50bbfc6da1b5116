package fetch

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"

	"github.com/shbuild/shbuild/internal/pattern"
)

// Repository is a tree in a Git repository.
type Repository struct {
	Remote   string // as git takes it
	Ref      string // a branch, a tag, a commit; empty: the default branch
	Checksum string // the commit's hash, or how it begins; empty: any
	Subdir   string // of the tree; empty: all of it

	KeepGitDir     bool // .git is part of the tree
	SkipSubmodules bool
	CommitTimes    bool // files have the commit's time, not that of the checkout
}

// ParseRepository reads an address that names a Git repository, in all forms that BuildKit knows: …/x.git#ref:subdir,
// git@host:x, ?ref=…&subdir=…. It returns nil for what is none. short allows github.com/user/x, which as a file's name
// is good too, so it is for build contexts alone.
func ParseRepository(address string, short bool) (*Repository, error) {
	g, isGit, err := dfgitutil.ParseGitRef(address)
	switch {
	case !isGit || g != nil && g.IndistinguishableFromLocal && !short:
		return nil, nil
	case err != nil:
		return nil, hinted(err, "a repository's address may end in #ref:folder, or in ?ref=…&subdir=…&checksum=…")
	}
	r := &Repository{Remote: g.Remote, Ref: g.Ref, Checksum: g.Checksum, CommitTimes: g.MTime == "commit"}
	if g.IndistinguishableFromLocal {
		r.Remote = "https://" + r.Remote
	}
	r.Subdir = strings.TrimPrefix(path.Join("/", g.SubDir), "/")
	r.KeepGitDir = g.KeepGitDir != nil && *g.KeepGitDir
	r.SkipSubmodules = g.Submodules != nil && !*g.Submodules
	if g.FetchByCommit && g.Checksum != "" {
		r.Ref = g.Checksum
	}
	return r, r.Check()
}

// SaysKeep tells what the address itself says of keeping .git; nil: nothing.
func SaysKeep(address string) *bool {
	g, _, err := dfgitutil.ParseGitRef(address)
	if err != nil || g == nil {
		return nil
	}
	return g.KeepGitDir
}

var hash = pattern.Lazy(`^[0-9a-fA-F]+$`)

// Check refuses what no repository has.
func (r *Repository) Check() error {
	if r.Checksum != "" && !hash().MatchString(r.Checksum) {
		return hinted(fmt.Errorf("the checksum %s is not a commit's hash", r.Checksum), "of a repository the checksum is the hash of the commit, or its beginning")
	}
	if strings.HasPrefix(r.Ref, "-") || strings.HasPrefix(r.Remote, "-") {
		return fmt.Errorf("%s is no name of a branch, a tag or a commit", r.Ref)
	}
	return nil
}

// IsURL tells whether a source is fetched by HTTP. Repositories are not.
func IsURL(address string) bool {
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return false
	}
	_, isGit, _ := dfgitutil.ParseGitRef(address)
	return !isGit
}

// Unnamed is the name of a file whose URL names none.
const Unnamed = "__unnamed__"

// FileName is the name that a URL's path ends in.
func FileName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return Unnamed
	}
	if base := path.Base(u.Path); base != "." && base != ".." && base != "/" {
		return base
	}
	return Unnamed
}

// Redacted is an address without the password in it.
func Redacted(address string) string {
	if u, err := url.Parse(address); err == nil && u.User != nil {
		return u.Redacted()
	}
	return address
}
