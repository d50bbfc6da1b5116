// Command runner makes containers for shbuild, which has it inside and starts it. It is of no use by itself.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/shbuild/shbuild/runtime/container"
	_ "github.com/shbuild/shbuild/runtime/hugepage" // the container's inits are this program too
	"github.com/shbuild/shbuild/runtime/sandbox"
)

func main() {
	container.Init() // a container's init never returns from here
	if len(os.Args) > 1 && os.Args[1] == sandbox.ForAnotherRoot {
		if err := container.Become(); err != nil {
			fmt.Fprintln(os.Stderr, "become another root:", err)
			os.Exit(1)
		}
	}
	var containers container.Containers
	runner := sandbox.Runner{Run: containers.Run, Describe: container.Describe}
	err := runner.Serve(context.Background())
	containers.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
