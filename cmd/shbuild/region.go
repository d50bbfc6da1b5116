package main

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/docker/go-units"
	"golang.org/x/term"

	"github.com/shbuild/shbuild/runtime/build"
)

// region is the part of a terminal's screen, below all that has been printed,
// that tells what is under way.
type region struct {
	f     *os.File
	lines int // how many it has on the screen now
}

const (
	clearLine = "\x1b[2K"
	lineUp    = "\x1b[1A"
	blue      = "\x1b[34m"
	red       = "\x1b[31m"
	faint     = "\x1b[2m"
	normal    = "\x1b[0m"
)

// clear takes the region off the screen; the cursor stands where it began.
func (r *region) clear() {
	if r.lines > 0 {
		r.f.WriteString("\r" + clearLine + strings.Repeat(lineUp+clearLine, r.lines))
	}
	r.lines = 0
}

// draw shows the steps under way, each with the last line of its output.
func (r *region) draw(steps []*step) {
	width, height, err := term.GetSize(int(r.f.Fd()))
	if err != nil || width < 20 {
		width, height = 80, 24
	}
	var rows []string
	for _, s := range steps {
		rows = append(rows, blue+row(" => "+s.title, s.state(), width)+normal)
		last := s.last
		if len(s.part) > 0 {
			last = string(s.part)
		}
		if last != "" {
			rows = append(rows, faint+row(" => => "+last, "", width)+normal)
		}
	}
	if limit := max(1, height-2); len(rows) > limit {
		rows = rows[len(rows)-limit:]
	}
	r.clear()
	if len(rows) > 0 {
		r.f.WriteString(strings.Join(rows, "\n") + "\n")
	}
	r.lines = len(rows)
}

// state is how long the step has taken, or how far its transfer has come.
func (s *step) state() string {
	took := fmt.Sprintf("%.1fs", time.Since(s.start).Seconds())
	if s.total > 0 && s.done < s.total {
		return fmt.Sprintf("%s / %s  %s", units.HumanSize(float64(s.done)), units.HumanSize(float64(s.total)), took)
	}
	return took
}

// ended is the line that stays for a step that has ended.
func (r *region) ended(s *step, how build.Ending, took string) string {
	width, _, err := term.GetSize(int(r.f.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	switch how {
	case build.Cached:
		return blue + row(" => CACHED "+s.title, "0.0s", width) + normal + "\n"
	case build.Failed:
		return red + row(" => ERROR "+s.title, took, width) + normal + "\n"
	case build.Canceled:
		return blue + row(" => CANCELED "+s.title, took, width) + normal + "\n"
	}
	return blue + row(" => "+s.title, took, width) + normal + "\n"
}

// row is a line of the screen's width: left cut to fit, right at the end.
func row(left, right string, width int) string {
	left = strings.Map(func(c rune) rune {
		if c == '\t' {
			return ' '
		}
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, left)
	room := width - len(right) - 2
	runes := []rune(left)
	if len(runes) > room {
		runes = append(runes[:max(0, room-1)], '…')
	}
	return string(runes) + strings.Repeat(" ", max(1, room-len(runes)+1)) + right
}
