package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Pictures are SVG, written directly: they need no library, and a diff of them can be read.

// colours are those of Okabe and Ito, which people tell apart who see fewer colours.
var colours = map[string]string{
	"shbuild": "#000000", "docker": "#0072B2", "buildkit": "#56B4E9", "buildkit-rootless": "#009E73", "podman": "#CC79A7", "buildah": "#E69F00", "floor": "#999999",
}

type picture struct {
	strings.Builder
	width, height int
}

func newPicture(width, height int) *picture {
	p := &picture{width: width, height: height}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(p, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	return p
}

func (p *picture) end() string {
	p.WriteString("</svg>\n")
	return p.String()
}

func (p *picture) text(x, y float64, anchor, s string) {
	fmt.Fprintf(p, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
}

func (p *picture) line(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(p, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
}

func (p *picture) dot(x, y float64, colour, title string) {
	fmt.Fprintf(p, `<circle cx="%.1f" cy="%.1f" r="5" fill="%s"><title>%s</title></circle>`+"\n", x, y, colour, html.EscapeString(title))
}

func (p *picture) tick(x, y float64, colour, title string) {
	fmt.Fprintf(p, `<rect x="%.1f" y="%.1f" width="4" height="16" fill="%s"><title>%s</title></rect>`+"\n", x-2, y-8, colour, html.EscapeString(title))
}

// ratios shows, for each work, how many times shbuild's time (or memory) each other needs.
func ratios(rows []*judged) string {
	const left, right, top, step = 290.0, 900.0, 56.0, 26.0
	p := newPicture(940, int(top+step*float64(len(rows)))+30)
	lowest, highest := 0.25, 64.0
	at := func(r float64) float64 {
		r = min(max(r, lowest), highest)
		return left + (right-left)*math.Log(r/lowest)/math.Log(highest/lowest)
	}
	bottom := top + step*float64(len(rows))
	p.text(10, 20, "start", "How many times what shbuild takes (logarithmic; right of 1 ×: shbuild is better)")
	x := 10.0
	for _, name := range append([]string{"shbuild", "floor"}, present(rows)...) {
		p.dot(x+5, 36, colours[name], name)
		p.text(x+14, 40, "start", name)
		x += 30 + 7*float64(len(name))
	}
	for r := lowest; r <= highest; r *= 2 {
		p.line(at(r), top, at(r), bottom, "#dddddd")
		p.text(at(r), bottom+16, "middle", fmt.Sprintf("%g ×", r))
	}
	for i, j := range rows {
		y := top + step*(float64(i)+0.5)
		p.text(left-12, y+4, "end", strings.ReplaceAll(j.title, "`", ""))
		p.line(at(lowest), y, at(highest), y, "#eeeeee")
		if j.onFloor != nil && len(j.onFloor.Theirs) > 0 {
			r := 1 / j.onFloor.ratio()
			p.tick(at(r), y, colours["floor"], fmt.Sprintf("%s: %.2f ×", j.floor, r))
		}
		for _, name := range peerNames {
			if pair := j.peers[name]; pair != nil {
				r := 1 / pair.ratio()
				p.dot(at(r), y, colours[name], fmt.Sprintf("%s: %.2f ×", name, r))
			}
		}
		p.dot(at(1), y, colours["shbuild"], "shbuild: "+number(median(j.ours))+" "+j.unit)
	}
	return p.end()
}

// curves shows each series in a small picture of its own, both axes logarithmic: a straight line at 45° is linear growth,
// a level one is none.
func curves(grown []series) string {
	const columns, width, height = 3, 310.0, 220.0
	rows := (len(grown) + columns - 1) / columns
	p := newPicture(int(columns*width)+10, int(float64(rows)*height)+10)
	for i, s := range grown {
		p.curve(s, float64(i%columns)*width, float64(i/columns)*height, width, height)
	}
	return p.end()
}

func (p *picture) curve(s series, x0, y0, width, height float64) {
	left, right, top, bottom := x0+50, x0+width-16, y0+34, y0+height-30
	most := 1.0
	for _, x := range s.X {
		most = max(most, x)
	}
	lowest, highest := math.Inf(1), 0.0
	for _, y := range s.Y {
		lowest, highest = min(lowest, y), max(highest, y)
	}
	lowest, highest = math.Pow(10, math.Floor(math.Log10(lowest))), math.Pow(10, math.Ceil(math.Log10(highest*1.001)))
	atX := func(x float64) float64 { return left + (right-left)*math.Log1p(x)/math.Log1p(most) }
	atY := func(y float64) float64 { return bottom - (bottom-top)*math.Log(y/lowest)/math.Log(highest/lowest) }
	p.text(left, y0+20, "start", s.Name)
	for y := lowest; y <= highest*1.01; y *= 10 {
		p.line(left, atY(y), right, atY(y), "#dddddd")
		p.text(left-6, atY(y)+4, "end", number(y))
	}
	for i, x := range s.X {
		if i == 0 || i == len(s.X)-1 || i == len(s.X)/2 {
			p.text(atX(x), bottom+18, "middle", count(x))
		}
	}
	for i := range s.X {
		if i > 0 {
			p.line(atX(s.X[i-1]), atY(s.Y[i-1]), atX(s.X[i]), atY(s.Y[i]), colours["docker"])
		}
		p.dot(atX(s.X[i]), atY(s.Y[i]), colours["docker"], fmt.Sprintf("%s %s: %s ms", count(s.X[i]), s.Of, number(s.Y[i])))
	}
}
