// Package runner has the executable of cmd/runner, which makes the containers of package sandbox. scripts/build-userland
// builds it.
//
// It does not start it: that is package sandbox's.
package runner

import _ "embed"

//go:embed embed/runner
var program []byte

// Program is the executable: a static one for Linux and this processor. Nobody may change the bytes.
func Program() []byte { return program }
