// Package userland holds the base image that is always there: FROM builtin:toybox.
//
// The image has one layer: a static multi-call binary (cmd/toybox), a link for each of its
// applets, and the few files that programs expect of a root file system (passwd, group,
// os-release, tmp, home folders). The same shbuild binary always gives the same bytes, so the
// layer's diff ID is a constant of the build; nothing in it depends on the machine or the time.
//
// The binary is embedded at build time by scripts/build-userland. A plain `go build` without
// that step gives a package that works but answers ErrMissing.
//
// It does not unpack anything and knows no store: it writes a tar and names it.
package userland

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// Name is what a Dockerfile writes after FROM to get this image.
const Name = "builtin:toybox"

//go:embed all:embed
var embedded embed.FS

// ErrMissing is returned by every function that needs the embedded binary when there is none.
var ErrMissing error = missing{}

type missing struct{}

func (missing) Error() string { return "this shbuild was built without its userland" }

// Hint says how to get a shbuild that has it.
func (missing) Hint() string { return "build shbuild with make, not with go build alone" }

// Version names what the layer is made from. It is cheap, as nothing is unpacked or even read,
// and fit to be part of a cache key: two shbuilds with one Version write the same layer.
func Version() (string, error) {
	sum, err := part("sum")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d-%.12s", layout, sum), nil
}

// DiffID is the digest of what Write writes, as "sha256:…". It costs one pass over the layer
// the first time (some tens of milliseconds), nothing afterwards.
func DiffID() (string, error) { return diffID() }

var diffID = sync.OnceValues(func() (string, error) {
	h := sha256.New()
	if err := Write(h); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
})

// Write writes the layer, an uncompressed tar.
func Write(w io.Writer) error {
	packed, names, err := parts()
	if err != nil {
		return err
	}
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("unpack the userland's binary: %w", err)
	}
	binary, err := io.ReadAll(zr)
	if err != nil {
		return fmt.Errorf("unpack the userland's binary: %w", err)
	}
	return writeTar(w, binary, bytes.Fields(names))
}

// parts returns the compressed binary and the list of its applets.
func parts() (packed, names []byte, err error) {
	packed, err = part("gz")
	if err == nil {
		names, err = part("applets")
	}
	return packed, names, err
}

func part(kind string) ([]byte, error) {
	data, err := embedded.ReadFile("embed/toybox." + kind)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	return data, err
}
