// Command shbuild builds container images without a daemon and without root:
// a Dockerfile runs as a shell script.
package main

import (
	"os"

	_ "github.com/shbuild/shbuild/runtime/hugepage" // a build starts this program twice, outside of its namespaces and in them
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(called(os.Args, streams{os.Stdin, os.Stdout, os.Stderr}))
}
