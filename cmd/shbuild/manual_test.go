package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ofTheLanguage are the beginnings of the names of scripts that must stand in the manual's table.
var ofTheLanguage = []string{"plain", "reach_", "variables_", "status_", "branch", "stage_", "script_", "host_", "own_", "error_", "stdin_"}

// TestManual holds the table of testdata/script/README.md true: it names scripts that are there, all of those that are
// about the language, and every section.
func TestManual(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/script/README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	sections := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		m := regexp.MustCompile("^\\| ([1-8]) \\| (.*) \\| ((?:`[a-z0-9_]+` ?)+)\\|$").FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| §") && !strings.HasPrefix(line, "| ---") {
				t.Errorf("not a row: %s", line)
			}
			continue
		}
		sections[m[1]] = true
		for _, name := range strings.Fields(m[3]) {
			named[strings.Trim(name, "`")] = true
		}
	}
	if len(sections) != 8 {
		t.Errorf("%d sections", len(sections))
	}
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		language := slices.ContainsFunc(ofTheLanguage, func(p string) bool { return strings.HasPrefix(name, p) })
		if language && !named[name] {
			t.Errorf("%s is in no row of testdata/script/README.md", name)
		}
		delete(named, name)
	}
	for name := range named {
		t.Errorf("there is no %s.txtar", name)
	}
}
