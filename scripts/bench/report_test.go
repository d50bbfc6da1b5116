package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReport makes the table and the pictures from numbers that were recorded: nothing is timed.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	recorded, err := os.ReadFile("testdata/results.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, resultsFile), recorded, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := report(dir); err != nil {
		t.Fatal(err)
	}
	table := read(t, dir, "results.md")
	for _, want := range []string{
		"steps, copy: 2026-01-02, commit abc1234, on 2 cores of a test",
		// The median of six; with docker the median of the pairs' ratios, which the disturbed pair does not change.
		"| a `RUN true`, nothing cached | **7.5 (6.0–30, 6)** | 64 (60–240, 3) | – | clone+chroot+sh 4.0 (4.0–5.0, 3) | 0.12 | 1.50 | ≤ 12 ms, ≤ 1/5 of the best | met |",
		"| COPY of 20,000 files, nothing cached | **1400 (1300–1500, 3)** | – | 17,000 (17,000–17,000, 1) | cp -a 1000 (1000–1000, 2) | 0.08 | 1.40 | ≤ 1.2 × cp -a | not met: 1.40 × the floor |",
		"| cache entries, all cached | 0 | 1,000 | 1,000,000 |",
		"podman failed in steps: podman <cannot> run here",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table has no\n%s\nbut:\n%s", want, table)
		}
	}
	for _, name := range []string{"peers.svg", "growth.svg"} {
		picture := read(t, dir, name)
		for d := xml.NewDecoder(strings.NewReader(picture)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, picture)
			}
		}
		if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") {
			t.Errorf("%s:\n%s", name, picture)
		}
	}
}

// TestResultsAreReplaced: a scenario that is measured again takes the place of what it gave before, and of nothing else.
func TestResultsAreReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), resultsFile)
	r, err := openResults(file)
	if err != nil {
		t.Fatal(err)
	}
	r.pair("steps", "docker", map[string]float64{"step": 1}, map[string]float64{"step": 2})
	r.pair("copy", "docker", map[string]float64{"copy": 3}, map[string]float64{"copy": 4})
	r.forget("steps")
	r.pair("steps", "docker", map[string]float64{"step": 5.04}, map[string]float64{"step": 6})
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	want := `{"scenario":"steps","pair":{"metric":"step","with":"docker","ours":[5],"theirs":[6]}}
{"scenario":"copy","pair":{"metric":"copy","with":"docker","ours":[3],"theirs":[4]}}
`
	if got := read(t, filepath.Dir(file), resultsFile); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
