package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// peerNames are the other builders, in the order of the table's columns.
var peerNames = []string{"docker", "buildkit", "buildkit-rootless", "podman", "buildah"}

// report writes the table and the pictures from the numbers.
func report(dir string) error {
	r, err := openResults(filepath.Join(dir, resultsFile))
	if err != nil {
		return err
	}
	var rows []*judged
	for _, g := range goals {
		if j := judge(g, r.lines); j != nil {
			rows = append(rows, j)
		}
	}
	var grown []series
	for _, l := range r.lines {
		if l.Series != nil {
			grown = append(grown, *l.Series)
		}
	}
	for name, text := range map[string]string{
		"results.md": table(rows, r.lines) + growthTable(grown), "peers.svg": ratios(rows), "growth.svg": curves(grown),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func table(rows []*judged, lines []line) string {
	var out strings.Builder
	out.WriteString("# Results\n\nWritten by `scripts/bench` from [" + resultsFile + "](" + resultsFile + "); [README.md](README.md) says how to read it.\n\n")
	settings(&out, lines)
	out.WriteString("\nEach cell: median (least–most, number of runs), in ms, or MB for memory. `×` is shbuild's share of the other's, the median over the pairs.\n\n")
	names := present(rows)
	out.WriteString("| work | shbuild | " + strings.Join(names, " | ") + " | floor | × best | × floor | goal | |\n")
	out.WriteString(strings.Repeat("| --- ", len(names)+7) + "|\n")
	for _, j := range rows {
		cells := []string{j.title, "**" + spread(j.ours) + "**"}
		for _, name := range names {
			cells = append(cells, spread(j.theirs(name)))
		}
		floor, onFloor, onBest := "–", "–", "–"
		if j.onFloor != nil {
			floor = strings.ReplaceAll(j.floor, "|", `\|`) + " " + spread(j.onFloor.Theirs)
			onFloor = fmt.Sprintf("%.2f", j.onFloor.ratio())
		}
		if j.best != "" {
			onBest = fmt.Sprintf("%.2f", j.peers[j.best].ratio())
		}
		cells = append(cells, floor, onBest, onFloor, j.says, j.verdict())
		out.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return out.String()
}

func (j *judged) theirs(name string) []float64 {
	if p := j.peers[name]; p != nil {
		return p.Theirs
	}
	return nil
}

// present are those of the other builders that were there.
func present(rows []*judged) []string {
	return slices.DeleteFunc(slices.Clone(peerNames), func(name string) bool {
		return !slices.ContainsFunc(rows, func(j *judged) bool { return j.peers[name] != nil })
	})
}

// settings says where the numbers are from; scenarios that were measured alike share a line.
func settings(out *strings.Builder, lines []line) {
	tools := map[string]string{}
	var heads []string
	of := map[string][]string{}
	for _, l := range lines {
		if l.Run == nil {
			continue
		}
		head := fmt.Sprintf("%s, commit %s, on %s", l.Run.When, l.Run.Commit, l.Run.Machine)
		if of[head] == nil {
			heads = append(heads, head)
		}
		of[head] = append(of[head], l.Scenario)
		maps.Copy(tools, l.Run.Tools)
	}
	for _, head := range heads {
		fmt.Fprintf(out, "- %s: %s\n", strings.Join(of[head], ", "), head)
	}
	delete(tools, "shbuild")
	for _, l := range lines {
		if l.Pair != nil && l.Pair.Failed != "" {
			fmt.Fprintf(out, "- %s failed in %s: %s\n", l.Pair.With, l.Scenario, l.Pair.Failed)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tools)) {
		fmt.Fprintf(out, "- %s: `%s`\n", name, tools[name])
	}
}

func growthTable(grown []series) string {
	if len(grown) == 0 {
		return ""
	}
	var out strings.Builder
	out.WriteString("\n## Growth\n\n![the same as curves](growth.svg)\n\nMilliseconds of shbuild, by the number of what a build has, or what the store has besides.\n\n")
	for _, s := range grown {
		out.WriteString("| " + s.Name + " |")
		for _, x := range s.X {
			out.WriteString(" " + count(x) + " |")
		}
		out.WriteString("\n" + strings.Repeat("| --- ", len(s.X)+1) + "|\n| ms |")
		for _, y := range s.Y {
			out.WriteString(" " + number(y) + " |")
		}
		out.WriteString("\n\n")
	}
	return out.String()
}

func count(x float64) string {
	s := fmt.Sprintf("%.0f", x)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
