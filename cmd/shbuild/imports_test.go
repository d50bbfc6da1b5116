package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/shbuild/shbuild/"

// common is what all may import.
const common = "internal/pattern"

// architecture is the shape that the tree is kept in: which of our packages each one may
// import. What is not named here may not be there.
var architecture = map[string][]string{
	common: {},

	"dsl/diag":   {},
	"dsl/syntax": {"dsl/diag"},
	"dsl/instr":  {"dsl/diag"},
	"dsl/check":  {"dsl/diag", "dsl/syntax", "dsl/instr"}, // looks at a script; whoever builds decides what comes of it
	"dsl/interp": {"dsl/diag", "dsl/syntax", "dsl/instr"},

	"registry/reference": {},
	"registry/platform":  {},
	"registry/remote":    {"registry/reference", "registry/platform"},
	"registry/store":     {"registry/reference", "registry/platform"},
	"registry/compare":   {"registry/image"},
	"registry/image":     {"registry/reference", "registry/platform"},

	"runtime/trace":     {},
	"runtime/userns":    {},
	"runtime/isolation": {"runtime/userns"},
	"runtime/userland":  {},
	"runtime/owner":     {},
	"runtime/layer":     {"runtime/owner", "runtime/userns"},
	"runtime/rootfs":    {"runtime/layer", "runtime/owner", "runtime/userns"},
	"runtime/cgroup":    {"runtime/sandbox", "runtime/userns"},
	"runtime/sandbox":   {"runtime/isolation", "runtime/owner", "runtime/userns"},
	"runtime/container": {"runtime/isolation", "runtime/sandbox", "runtime/userns"},
	"runtime/network":   {},
	"runtime/runner":    {},
	"runtime/hugepage":  {},
	"runtime/sshagent":  {"runtime/owner"},
	"runtime/buildctx":  {"runtime/owner"},
	"runtime/cache":     {"registry/store", "registry/remote"},
	"runtime/fetch":     {},
	"runtime/reason":    {"runtime/buildctx", "runtime/cache"},
	"runtime/doctor":    {"runtime/cgroup", "runtime/isolation", "runtime/rootfs", "runtime/userns"},
	"runtime/build":     {"dsl/", "registry/", "runtime/"},

	// It restates what build does, so it may not use it: what is said must be said in words, not run.
	"runtime/explain": {"dsl/diag", "dsl/syntax", "dsl/instr", "registry/reference", "runtime/runner", "runtime/sandbox"},

	"cmd/shbuild": {"dsl/diag", "dsl/syntax", "registry/", "runtime/build", "runtime/cgroup", "runtime/doctor", "runtime/explain", "runtime/hugepage", "runtime/isolation", "runtime/layer", "runtime/rootfs", "runtime/runner", "runtime/sandbox", "runtime/trace", "runtime/userland", "runtime/userns"},
	"cmd/runner":  {"runtime/container", "runtime/hugepage", "runtime/sandbox"},
	"cmd/toybox":  {"cmd/toybox/internal/"},

	"scripts/bench":     {}, // measures the program from outside
	"scripts/manifests": {}, // a module of its own
}

// reserved are libraries that one package alone may use.
var reserved = map[string]string{
	"github.com/opencontainers/runc/libcontainer": "runtime/container",
	"github.com/spf13/pflag":                      "cmd/shbuild",
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for pkg, imports := range packages(t, "../..") {
		seen[pkg] = true
		if strings.HasPrefix(pkg, "cmd/toybox/") || strings.Contains(pkg, "/testdata/") {
			continue
		}
		allowed, known := architecture[pkg]
		if !known {
			t.Errorf("%s: a package that the architecture does not have", pkg)
		}
		for _, imported := range imports {
			if ours, ok := strings.CutPrefix(imported, module); ok && ours != common && !mayImport(allowed, ours) {
				t.Errorf("%s imports %s", pkg, ours)
			}
			for library, owner := range reserved {
				if strings.HasPrefix(imported, library) && pkg != owner {
					t.Errorf("%s imports %s, which is for %s alone", pkg, imported, owner)
				}
			}
		}
	}
	for pkg := range architecture {
		if !seen[pkg] {
			t.Errorf("%s: the architecture has a package that is not there", pkg)
		}
	}
}

// packages are the folders with Go files below top, and what these import, tests left out.
func packages(t *testing.T, top string) map[string][]string {
	found := map[string][]string{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(top, filepath.Dir(path))
		for _, i := range file.Imports {
			found[pkg] = append(found[pkg], strings.Trim(i.Path.Value, `"`))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func mayImport(allowed []string, pkg string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		return a == pkg || strings.HasSuffix(a, "/") && strings.HasPrefix(pkg, a)
	})
}
