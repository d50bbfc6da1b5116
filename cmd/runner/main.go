// Command runner makes containers for shbuild, which has it inside and starts it. It is of no use by itself.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/shbuild/shbuild/runtime/container"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

func main() {
	container.Init() // a container's init never returns from here
	runner := sandbox.Runner{Run: container.Run, Describe: container.Describe}
	if err := runner.Serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
