// Command manifests reads manifests of Kubernetes as strictly as the API's own types are, and says how docker or podman
// starts a container with the same security context, so that what is in examples/kubernetes can be tried without a cluster:
//
//	manifests docker|podman FILE CONTAINER
//
// It prints the words behind `run`, one a line: options, the image, its arguments. Volumes get the names that they have in
// the manifest; a Secret's is a folder of that name, see SECRETS. What cannot be expressed is an error: nothing is left out.
//
// It is a module of its own, so that Kubernetes' types are no part of shbuild's dependencies.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "manifests: "+err.Error())
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 || args[0] != "docker" && args[0] != "podman" {
		return errors.New("usage: manifests docker|podman FILE CONTAINER")
	}
	objects, err := Read(args[1])
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.Pod == nil {
			continue
		}
		words, err := Words(args[0], o.Pod, args[2], os.Getenv("PROFILES"), os.Getenv("SECRETS"))
		if err != nil {
			return fmt.Errorf("%s: %w", args[1], err)
		}
		fmt.Println(strings.Join(words, "\n"))
	}
	return nil
}
