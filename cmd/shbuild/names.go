package main

import "path/filepath"

// called runs the program under the name that it was started by: a link to it may be named dist or nsinit. They
// are the two programs of which the first Dockerfiles in shell were made; examples/dist-nsinit shows how.
func called(argv []string, std streams) int {
	if len(argv) == 0 {
		return run(nil, std)
	}
	switch filepath.Base(argv[0]) {
	case "dist":
		return dist(argv[1:], std)
	case "nsinit":
		return nsinit(argv[1:], std)
	}
	return run(argv[1:], std)
}
