package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/shbuild/shbuild/runtime/build"
)

// display shows what a build does: on a terminal, a region at the bottom tells
// what is under way, and what has ended stands above it; else, and for
// --progress=plain, plain lines, each with its step's number, in the form that
// docker's users know.
type display struct {
	mu     sync.Mutex
	w      io.Writer
	quiet  bool
	region *region // nil: plain lines
	count  int
	begun  map[*step]bool
	order  []*step // those under way
	stop   chan struct{}
	away   bool   // somebody else has the terminal, or it is not certain that anything is to be shown
	held   []held // what is to be written after that
}

// held is text that is kept back.
type held struct {
	w    io.Writer
	text []byte
}

// keep holds text back. Lines that follow each other become one write. d.mu is held.
func (d *display) keep(w io.Writer, text []byte) {
	if last := len(d.held) - 1; last >= 0 && d.held[last].w == w {
		d.held[last].text = append(d.held[last].text, text...)
		return
	}
	d.held = append(d.held, held{w, bytes.Clone(text)})
}

func newDisplay(w io.Writer, mode string, quiet bool) *display {
	d := &display{w: w, quiet: quiet, begun: map[*step]bool{}}
	if f, ok := w.(*os.File); ok && !quiet && (mode == "tty" || mode == "auto" && term.IsTerminal(int(f.Fd()))) {
		d.region = &region{f: f}
		d.stop = make(chan struct{})
		go d.tick()
	}
	return d
}

// tick draws the region anew, so that the seconds go on.
func (d *display) tick() {
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			d.mu.Lock()
			d.redraw()
			d.mu.Unlock()
		case <-d.stop:
			return
		}
	}
}

// close ends the display; what is still under way is left as it is.
func (d *display) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.order {
		s.flush()
	}
	if d.region != nil {
		close(d.stop)
		d.region.clear()
	}
}

// print writes whole lines above the region. d.mu is held.
func (d *display) print(text string) {
	if d.quiet {
		return
	}
	if d.away {
		d.keep(d.w, []byte(text))
		return
	}
	if d.region != nil {
		d.region.clear()
	}
	io.WriteString(d.w, text)
	d.redraw()
}

// redraw shows what is under way. d.mu is held.
func (d *display) redraw() {
	if d.region != nil && !d.away {
		d.region.draw(d.order)
	}
}

// hold keeps back what is to be shown, until release.
func (d *display) hold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.region != nil {
		d.region.clear()
	}
	d.away = true
}

// release shows what was held back.
func (d *display) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = false
	for _, h := range d.held {
		h.w.Write(h.text)
	}
	d.held = nil
	d.redraw()
}

// aside lets f have the terminal; what is to be shown meanwhile comes after it.
func (d *display) aside(f func()) {
	d.hold()
	defer d.release()
	f()
}

// Begin shows a new step.
func (d *display) Begin(title string) build.Step {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	s := &step{d: d, n: d.count, title: title, start: time.Now()}
	d.order = append(d.order, s)
	if d.region == nil {
		d.print(fmt.Sprintf("#%d %s\n", s.n, title))
	} else {
		d.redraw()
	}
	return s
}

// Note shows a line that belongs to no step.
func (d *display) Note(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.print(text + "\n")
}

// above is a writer for what a script prints itself: it stands above the
// region, and is shown even where the display is quiet.
func (d *display) above(w io.Writer) io.Writer { return &aboveWriter{d, w} }

type aboveWriter struct {
	d *display
	w io.Writer
}

func (a *aboveWriter) Write(p []byte) (int, error) {
	a.d.mu.Lock()
	defer a.d.mu.Unlock()
	if a.d.away {
		a.d.keep(a.w, p)
		return len(p), nil
	}
	if a.d.region != nil {
		a.d.region.clear()
	}
	return a.w.Write(p)
}

// step is one step on the display.
type step struct {
	d           *display
	n           int
	title       string
	start       time.Time
	part        []byte // of a line that is not ended yet
	last        string // the last whole line
	done, total int64
}

// Write shows a program's output: plain, line by line; on a terminal, the last
// line in the region.
func (s *step) Write(p []byte) (int, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.part = append(s.part, p...)
	var out strings.Builder
	for {
		i := bytes.IndexByte(s.part, '\n')
		if i < 0 {
			break
		}
		s.line(&out, string(s.part[:i]))
		s.part = s.part[i+1:]
	}
	if s.d.region == nil && out.Len() > 0 {
		s.d.print(out.String())
	}
	return len(p), nil
}

func (s *step) line(out *strings.Builder, text string) {
	text = strings.TrimSuffix(text, "\r")
	s.last = text
	fmt.Fprintf(out, "#%d %.3f %s\n", s.n, time.Since(s.start).Seconds(), text)
}

// flush shows the rest of a line that never ended. d.mu is held.
func (s *step) flush() {
	if len(s.part) == 0 {
		return
	}
	var out strings.Builder
	s.line(&out, string(s.part))
	s.part = nil
	if s.d.region == nil {
		s.d.print(out.String())
	}
}

// Advance tells how far a transfer has come.
func (s *step) Advance(done, total int64) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.done, s.total = max(s.done, done), total
}

// End shows how the step ended.
func (s *step) End(how build.Ending) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.flush()
	for i, other := range s.d.order {
		if other == s {
			s.d.order = append(s.d.order[:i:i], s.d.order[i+1:]...)
			break
		}
	}
	took := fmt.Sprintf("%.1fs", time.Since(s.start).Seconds())
	word := map[build.Ending]string{build.Done: "DONE " + took, build.Cached: "CACHED", build.Failed: "ERROR", build.Canceled: "CANCELED"}[how]
	if s.d.region == nil {
		s.d.print(fmt.Sprintf("#%d %s\n", s.n, word))
		return
	}
	s.d.print(s.d.region.ended(s, how, took))
}
