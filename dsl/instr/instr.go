// Package instr turns one instruction's text or words into a typed value, and expands
// variables in it by Dockerfile's rules.
//
// Dockerfile's own instructions are BuildKit's values (*instructions.CopyCommand and
// so on), made by BuildKit's own parser, so that flags, arity and messages are
// BuildKit's. The builder's own words have a type here. Values are never changed after
// they were returned: Expand works on a copy.
//
// Errors carry no position and no instruction name prefix of ours; package interp and
// the engine add both. The package does not run, resolve or check anything against an
// image.
package instr

// Exec is EXEC prog arg…: RUN's JSON form, written in words.
type Exec struct{ Args []string }

// Cwd is CWD dir: the working directory of the RUN and EXEC that follow.
type Cwd struct{ Dir string }

// UserNS is USERNS uid: the host user that container root is. An empty UID stands for
// the default mapping.
type UserNS struct{ UID string }

// Mem is MEM size: the memory limit in bytes of the RUN and EXEC that follow; 0 is none.
type Mem struct{ Bytes int64 }

// Commit is COMMIT name[:tag]…: the current stage becomes an image with these names.
type Commit struct{ Names []string }

// Push is PUSH name…: as Commit, and the image is pushed under these names.
type Push struct{ Names []string }

// Export is EXPORT src dest: Src in the stage is copied to Dest in the output folder.
type Export struct{ Src, Dest string }
