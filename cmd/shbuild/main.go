// Command shbuild builds container images without a daemon and without root:
// a Dockerfile runs as a shell script.
package main

import (
	"os"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// version is set by the linker.
var version = "dev"

func main() {
	sandbox.Init() // a container's init never returns from here
	os.Exit(called(os.Args, streams{os.Stdin, os.Stdout, os.Stderr}))
}
