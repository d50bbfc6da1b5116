package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// goal is a row of the table: a metric, what it is to reach, and what it is compared with.
type goal struct {
	metric, title string
	unit          string
	says          string  // the goal in words
	limit         float64 // at most, in the unit; 0: none
	floor         string  // the machine's way to do it, the name of an opponent
	floorRatio    float64 // at most this many times the floor …
	floorPlus     float64 // … and this much more, in the unit
	peerRatio     float64 // at most this many times the best other builder
}

var goals = []goal{
	{metric: "step", title: "a `RUN true`, nothing cached", unit: "ms", says: "≤ 12 ms, ≤ 1/5 of the best", limit: 12, floor: "clone+chroot+sh", peerRatio: 1.0 / 5},
	{metric: "cached", title: "50 steps, all cached", unit: "ms", says: "≤ 30 ms, ≤ 1/3 of the best", limit: 30, peerRatio: 1.0 / 3},
	{metric: "copy-cached", title: "COPY of 20,000 files, nothing changed", unit: "ms", says: "≤ 150 ms", limit: 150, floor: "cp -a"},
	{metric: "copy-changed", title: "COPY of 20,000 files, one changed", unit: "ms", says: "≤ 1.2 × cp -a", floor: "cp -a", floorRatio: 1.2},
	{metric: "copy", title: "COPY of 20,000 files, nothing cached", unit: "ms", says: "≤ 1.2 × cp -a", floor: "cp -a", floorRatio: 1.2},
	{metric: "pull", title: "pull and unpack six layers", unit: "ms", says: "≤ 1.1 × tar on two cores", floor: "gzip -d | tar x", floorRatio: 1.1},
	{metric: "stages", title: "four stages of 2 s", unit: "ms", says: "≤ the slowest + 100 ms", floor: "sleep 2", floorRatio: 1, floorPlus: 100},
	{metric: "stages-script", title: "four stages of 2 s, in a script with &", unit: "ms", says: "≤ the slowest + 100 ms", floor: "sleep 2", floorRatio: 1, floorPlus: 100},
	{metric: "push-gzip", title: "push of 300 MB of fresh layers, gzip", unit: "ms", says: "≤ 1.1 × pigz", floor: "pigz, zstd -T0", floorRatio: 1.1},
	{metric: "push-zstd", title: "push of 300 MB of fresh layers, zstd", unit: "ms", says: "≤ 1.1 × zstd", floor: "pigz, zstd -T0", floorRatio: 1.1},
	{metric: "build-push-gzip", title: "build and push of them, gzip", unit: "ms", says: "≤ 1.1 × pigz", floor: "pigz, zstd -T0", floorRatio: 1.1},
	{metric: "build-push-zstd", title: "build and push of them, zstd", unit: "ms", says: "≤ 1.1 × zstd", floor: "pigz, zstd -T0", floorRatio: 1.1},
	{metric: "apt", title: "apt-get install git", unit: "ms", says: "≤ 1.03 × a bare chroot", floor: "bare chroot", floorRatio: 1.03},
	{metric: "start", title: "start (`version`)", unit: "ms", says: "≤ 8 ms", limit: 8},
	{metric: "memory-copy", title: "peak memory, COPY of 400 MB", unit: "MB", says: "≤ 60 MB", limit: 60},
	{metric: "memory-pull", title: "peak memory, pull of a 1 GB layer", unit: "MB", says: "≤ 60 MB", limit: 60},
	{metric: "memory-push", title: "peak memory, push of a 1 GB layer", unit: "MB", says: "≤ 60 MB", limit: 60},
}

// judged is a row with its numbers.
type judged struct {
	goal
	ours    []float64
	peers   map[string]*pairing
	onFloor *pairing
	best    string   // the fastest other builder
	misses  []string // what is not met
}

// judge finds the numbers of a goal; nil if nothing was measured.
func judge(g goal, lines []line) *judged {
	j := &judged{goal: g, peers: map[string]*pairing{}}
	for _, l := range lines {
		p := l.Pair
		if p == nil || p.Metric != g.metric {
			continue
		}
		j.ours = append(j.ours, p.Ours...)
		switch {
		case p.With == g.floor:
			j.onFloor = p
		case slices.Contains(peerNames, p.With) && len(p.Theirs) > 0:
			j.peers[p.With] = p
			if j.best == "" || median(p.Theirs) < median(j.peers[j.best].Theirs) {
				j.best = p.With
			}
		}
	}
	if len(j.ours) == 0 {
		return nil
	}
	own := median(j.ours)
	if g.limit > 0 && own > g.limit {
		j.misses = append(j.misses, fmt.Sprintf("%s is more than %g", number(own), g.limit))
	}
	if g.floorRatio > 0 && j.onFloor != nil {
		if r := j.onFloor.over(g.floorPlus); r > g.floorRatio {
			j.misses = append(j.misses, fmt.Sprintf("%.2f × the floor", r))
		}
	}
	if g.peerRatio > 0 && j.best != "" {
		if r := j.peers[j.best].ratio(); r > g.peerRatio {
			j.misses = append(j.misses, fmt.Sprintf("%.2f × %s", r, j.best))
		}
	}
	return j
}

// over is ratio after plus was taken off ours.
func (p *pairing) over(plus float64) float64 {
	less := &pairing{Theirs: p.Theirs}
	for _, v := range p.Ours {
		less.Ours = append(less.Ours, v-plus)
	}
	return less.ratio()
}

func (j *judged) verdict() string {
	switch {
	case len(j.misses) > 0:
		return "not met: " + strings.Join(j.misses, ", ")
	case j.floorRatio > 0 && j.onFloor == nil, j.peerRatio > 0 && j.best == "":
		return "met, as far as measured"
	}
	return "met"
}

// number has three digits that count.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v < 10:
		return fmt.Sprintf("%.1f", v)
	case v < 10_000:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.0f,%03.0f", math.Floor(math.Round(v)/1000), math.Mod(math.Round(v), 1000))
}

// spread is "median (min–max, n)".
func spread(values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (%s–%s, %d)", number(median(values)), number(slices.Min(values)), number(slices.Max(values)), len(values))
}
