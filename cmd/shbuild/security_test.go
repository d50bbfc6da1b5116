package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityPage holds docs/security.md true: each row of its tables names tests, and each of those is there. The
// version of runc's library is the one that it tells of.
func TestSecurityPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`([a-z0-9/]+):([A-Za-z0-9_-]+)`")
	rows := 0
	for line := range strings.Lines(string(text)) {
		named := name.FindAllStringSubmatch(line, -1)
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") && !strings.HasSuffix(line, "| tests |\n") {
			rows++
			if len(named) == 0 {
				t.Errorf("a promise without a test: %s", line)
			}
		}
		for _, n := range named {
			if !haveTest(t, n[1], n[2]) {
				t.Errorf("there is no test %s in %s: %s", n[2], n[1], line)
			}
		}
	}
	if rows < 25 {
		t.Errorf("%d rows", rows)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`opencontainers/runc v(\S+)`).FindSubmatch(mod)
	if version == nil || !strings.Contains(string(text), "runc "+string(version[1])+"'s code") {
		t.Errorf("go.mod has runc %s, which the page does not tell of: look through its CVEs again", version)
	}
}

// haveTest says whether a test is there: a function of a package, a script of the manual, or a check of scripts/e2e.
func haveTest(t *testing.T, where, name string) bool {
	t.Helper()
	file := map[string]string{"script": "testdata/script/" + name + ".txtar", "e2e": "../../scripts/e2e/checks/" + name + ".sh"}[where]
	if file != "" {
		_, err := os.Stat(file)
		return err == nil
	}
	files, err := filepath.Glob(filepath.Join("../..", where, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
