// Package buildctx is the source side of COPY and ADD, and the copier: the build context with its
// ignore rules, or a stage's root, on one side, and the root of the stage being built on the other.
//
// The rules are BuildKit's, quirks included, because an image must come out the same here; the table
// in copy_test.go pins them. Nothing on either side is trusted: paths are walked component by
// component from an open root folder, symlinks are followed as a chroot would follow them, and no
// file is opened through one. The same tree gives the same digest whatever its modification times.
//
// It does not look names up: owners are numbers here, and `--from`, URLs and git belong to the engine.
package buildctx

import (
	"errors"
	"sync/atomic"
	"time"
)

// A Tree is a source of files for COPY and ADD. Its methods may be called at once.
type Tree struct {
	fd     int
	name   string
	rules  *rules       // nil: nothing is left out
	hashes *treeHashes  // nil: every file is read for a digest
	stage  bool         // owners and file capabilities count
	whole  bool         // … but the tree is a build context
	strict bool         // Options.Strict
	most   int64        // Options.MostRead
	taken  atomic.Int64 // of it
	own    []inode      // the builder's own folders and files, which are not there for a build
}

// Options of Open.
type Options struct {
	// Dockerfile is the path of the file being built, or "". If <Dockerfile>.dockerignore exists, its
	// rules count instead of those of the context's .dockerignore.
	Dockerfile string
	// Hashes remembers the digests of unchanged files between builds; nil: they are read each time.
	Hashes *Hashes
	// Own are folders and files of the builder's own. Where one lies in the context (a Dockerfile in a home
	// folder), it is left out: a COPY would copy what it is just writing.
	Own []string
	// Fetched says that the folder is no user's, but was made of an archive or a repository: nothing is left
	// out of it, its owners count, and symlinks stay inside.
	Fetched bool
	// Strict is for one who may be refused what the build may read: then a folder that cannot be opened is an error
	// even where the ignore rules leave it out but for what is in it.
	Strict bool
	// MostRead is how many bytes of files may be read for digests, those that are remembered not counted; more is
	// ErrTooMuch. 0: any number.
	MostRead int64
}

// ErrTooMuch ends a Digest that Options.MostRead bounds.
var ErrTooMuch = errors.New("more has changed than is to be read")

// A Match is something that Find found: a file, or a folder with what the patterns let through.
type Match struct {
	// Source is the pattern as it was written, Path the path that it matched: clean, relative to the
	// tree's root, "." for the root itself, before symlinks are followed.
	Source, Path string

	includes []string // --parents: the pattern below Path
	excludes []string
}

// FindOptions are the flags of COPY that choose files.
type FindOptions struct {
	// Excludes leaves out what matches below a source folder, by .dockerignore's pattern rules
	// (COPY --exclude). As in BuildKit a source that is a file itself is never left out.
	Excludes []string
	// Parents keeps the source's folders (COPY --parents), from the "/./" in it on.
	Parents bool
	// Literal takes the patterns as plain paths.
	Literal bool
}

// Owner is a numeric owner of files, as seen in the image.
type Owner struct{ UID, GID int }

// CopyOptions are the flags of COPY that change what is copied.
type CopyOptions struct {
	// Owner of everything that is written, folders made on the way included (--chown). If nil, files
	// from a build context become 0:0, and those from a stage keep theirs.
	Owner *Owner
	// Time, if not nil, is the modification time of everything.
	Time *time.Time
	// Mode is --chmod's value, octal or symbolic, or "". CheckMode tells whether it is well formed.
	Mode string
	// Unpack unpacks sources that are tar archives (ADD).
	Unpack bool
	// Note is told, in a line of text, what an archive has and the image cannot get; nil: nobody is.
	Note func(string)
}
