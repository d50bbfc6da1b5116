package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// resultsFile has everything that was measured, a JSON value a line, so that a run of one scenario changes few lines.
const resultsFile = "results.jsonl"

// line is one of these: what the numbers of a scenario are of, a comparison, or a series.
type line struct {
	Scenario string   `json:"scenario"`
	Run      *setting `json:"run,omitempty"`
	Pair     *pairing `json:"pair,omitempty"`
	Series   *series  `json:"series,omitempty"`
}

// setting is where and with what a scenario was measured.
type setting struct {
	When    string            `json:"when"` // a day
	Commit  string            `json:"commit"`
	Machine string            `json:"machine"`
	Tools   map[string]string `json:"tools"` // name → version
}

// pairing has the numbers of shbuild and of another, the i-th with the i-th: they ran one after the other. Milliseconds, or MB
// where the metric is of memory.
type pairing struct {
	Metric string    `json:"metric"`
	With   string    `json:"with"`
	Ours   []float64 `json:"ours"`
	Theirs []float64 `json:"theirs"`
	Failed string    `json:"failed,omitempty"`
}

// series is how a cost grows: milliseconds by a number of things.
type series struct {
	Name string    `json:"name"`
	Of   string    `json:"of"` // what is counted
	X    []float64 `json:"x"`
	Y    []float64 `json:"y"`
}

type results struct {
	file  string
	lines []line
}

func openResults(file string) (*results, error) {
	r := &results{file: file}
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	in := bufio.NewScanner(bytes.NewReader(data))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		r.lines = append(r.lines, l)
	}
	return r, in.Err()
}

func (r *results) save() error {
	order := map[string]int{}
	for i, s := range scenarios() {
		order[s.name] = i
	}
	slices.SortStableFunc(r.lines, func(a, b line) int { return order[a.Scenario] - order[b.Scenario] })
	var out bytes.Buffer
	for _, l := range r.lines {
		data, err := json.Marshal(l)
		if err != nil {
			return err
		}
		out.Write(data)
		out.WriteByte('\n')
	}
	if err := os.MkdirAll(filepath.Dir(r.file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(r.file, out.Bytes(), 0o644)
}

func (r *results) forget(scenario string) {
	r.lines = slices.DeleteFunc(r.lines, func(l line) bool { return l.Scenario == scenario })
}

func (r *results) describe(b *bench) {
	tools := map[string]string{}
	for _, t := range append([]builder{b.ours}, b.peers...) {
		out, err := t.version(context.Background()).CombinedOutput()
		if err == nil {
			first, _, _ := strings.Cut(string(out), "\n")
			tools[t.name()] = first
		}
	}
	commit, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	r.lines = append(r.lines, line{Scenario: b.now, Run: &setting{
		When: time.Now().Format(time.DateOnly), Commit: strings.TrimSpace(string(commit)), Machine: machine(b.dir), Tools: tools,
	}})
}

func (r *results) find(scenario, metric, with string) *pairing {
	for _, l := range r.lines {
		if l.Scenario == scenario && l.Pair != nil && l.Pair.Metric == metric && l.Pair.With == with {
			return l.Pair
		}
	}
	p := &pairing{Metric: metric, With: with}
	r.lines = append(r.lines, line{Scenario: scenario, Pair: p})
	return p
}

// pair keeps one measurement of each side. Metrics that only ours has are kept with that opponent all the same.
func (r *results) pair(scenario, with string, ours, theirs map[string]float64) {
	for _, metric := range slices.Sorted(maps.Keys(ours)) {
		p := r.find(scenario, metric, with)
		p.Ours = append(p.Ours, round(ours[metric]))
		if v, ok := theirs[metric]; ok {
			p.Theirs = append(p.Theirs, round(v))
		}
	}
}

func (r *results) failed(scenario, with string, err error) {
	first, _, _ := strings.Cut(err.Error(), "\n")
	r.find(scenario, scenario, with).Failed = first
}

func (r *results) grows(scenario string, s series) {
	r.lines = append(r.lines, line{Scenario: scenario, Series: &s})
}

func sideBySide(ours map[string]float64, name string, theirs map[string]float64) string {
	var parts []string
	for _, metric := range slices.Sorted(maps.Keys(ours)) {
		part := fmt.Sprintf("%s %.1f", metric, ours[metric])
		if v, ok := theirs[metric]; ok {
			part += fmt.Sprintf(" (%s %.1f)", name, v)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
