package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// bin is a folder with a link for every applet. Each leads to this test's own binary, which is
// toybox when it is called by another name than its own.
var bin string

func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	if _, isApplet := table()[name]; isApplet || name == "toybox" || name == "toybox-umask" {
		main()
	}
	os.Exit(withApplets(m))
}

func withApplets(m *testing.M) int {
	dir, err := os.MkdirTemp("", "toybox-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	bin = dir
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(bin, "toybox"))
	}
	for name := range table() {
		if err == nil {
			err = os.Symlink("toybox", filepath.Join(bin, name))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
