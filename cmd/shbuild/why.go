package main

import (
	"fmt"
)

// tellWhy prints what --why asked for.
func (j *job) tellWhy(std streams) {
	for _, e := range j.why {
		fmt.Fprintf(std.err, "why %s: %s\n", printable(e.At), printable(e.What))
		for _, line := range e.Lines {
			fmt.Fprintf(std.err, "    %s\n", printable(line))
		}
	}
}
