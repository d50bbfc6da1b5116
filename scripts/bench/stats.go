package main

import (
	"math"
	"slices"
)

// median of a list that is not empty.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// ratio is the median of the pairs' ratios, ours by theirs: what disturbs one pair disturbs both its sides.
func (p *pairing) ratio() float64 {
	var all []float64
	for i := range min(len(p.Ours), len(p.Theirs)) {
		all = append(all, p.Ours[i]/p.Theirs[i])
	}
	if len(all) == 0 {
		return math.NaN()
	}
	return median(all)
}

// round keeps four digits, or one behind the point.
func round(v float64) float64 { return math.Round(v*10) / 10 }
