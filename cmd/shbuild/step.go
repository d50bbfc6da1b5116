package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"github.com/docker/go-units"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/registry/compare"
	"github.com/shbuild/shbuild/runtime/build"
	"github.com/shbuild/shbuild/runtime/layer"
)

// errQuit is the end of a build that was asked for.
var errQuit = errors.New("ended")

// stepper asks before each instruction, and shows what it did.
type stepper struct {
	std     streams
	display *display
	answers *bufio.Reader

	mu   sync.Mutex
	go1  bool        // without stopping from here on
	told bool        // how to answer
	last *build.Stop // whose line was shown last
	quit bool
}

func newStepper(std streams, d *display) *stepper {
	return &stepper{std: std, display: d, answers: bufio.NewReader(std.in)}
}

// mode is the progress display's: with --step lines stay where they were printed.
func (f *buildFlags) mode() string {
	if f.step && f.progress == "auto" {
		return "plain"
	}
	return f.progress
}

// Before asks what to do.
func (s *stepper) Before(ctx context.Context, at *build.Stop) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quit {
		return errQuit
	}
	s.display.aside(func() {
		s.announce(at)
		if !s.go1 {
			err = s.ask(ctx, at)
		}
	})
	s.quit = err != nil
	return err
}

const stepHelp = `  Enter  carry it out     s  open a shell in the files so far; what it changes is dropped
  c      go on without stopping     q  end the build
`

func (s *stepper) ask(ctx context.Context, at *build.Stop) error {
	if !s.told {
		fmt.Fprint(s.std.err, stepHelp)
		s.told = true
	}
	for {
		fmt.Fprint(s.std.err, "step> ")
		answer, err := s.answer(ctx)
		if _, terminal := s.std.terminal(); !terminal {
			fmt.Fprintln(s.std.err, strings.TrimSpace(answer)) // nobody else has shown it
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && answer == "" {
			return errQuit
		}
		switch strings.TrimSpace(answer) {
		case "":
			return nil
		case "c":
			s.go1 = true
			return nil
		case "q":
			return errQuit
		case "s":
			s.shell(ctx, at)
		default:
			fmt.Fprint(s.std.err, stepHelp)
		}
	}
}

// announce shows which instruction what follows is about, unless that is what was shown last.
func (s *stepper) announce(at *build.Stop) {
	if s.last != at {
		fmt.Fprintf(s.std.err, "%s:%d: %s\n", at.Source.Name, at.Span.Start.Line, printable(oneLine(at.Text)))
	}
	s.last = at
}

// answer reads a line. When the build is interrupted meanwhile, nobody waits for the line any more.
func (s *stepper) answer(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := s.answers.ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return l.text, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// shell opens a shell. Without a terminal the lines of the answers up to "exit" are its commands.
func (s *stepper) shell(ctx context.Context, at *build.Stop) {
	terminal, ok := s.std.terminal()
	var commands io.Reader
	if !ok {
		var text bytes.Buffer
		for {
			line, err := s.answers.ReadString('\n')
			text.WriteString(line)
			if strings.TrimSpace(line) == "exit" || err != nil {
				break
			}
		}
		commands = &text
	}
	if err := at.Shell(ctx, terminal, os.Getenv("TERM"), commands, s.std.err); err != nil {
		diag.Print(s.std.err, err, s.std.color())
	}
}

// After shows what the instruction changed.
func (s *stepper) After(at *build.Stop, e *build.Effect, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.display.aside(func() {
		s.announce(at)
		switch {
		case err != nil:
			fmt.Fprintf(s.std.err, "  failed: %s\n", printable(reason(err)))
		case e.Base != "":
			fmt.Fprintf(s.std.err, "  a stage on %s: %d %s\n", e.Base, e.Layers, plural(e.Layers, "layer"))
		case len(e.Files)+len(e.Config) == 0:
			fmt.Fprintln(s.std.err, "  nothing changed")
		}
		if err == nil {
			showFiles(s.std.err, e.Files)
			showFields(s.std.err, e.Config)
		}
	})
}

// reason is what is wrong, without the place.
func reason(err error) string {
	var placed *diag.Error
	if errors.As(err, &placed) {
		return placed.Err.Error()
	}
	return err.Error()
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// oneLine is an instruction's first line.
func oneLine(text string) string {
	first, _, more := strings.Cut(text, "\n")
	first = strings.TrimRight(first, "\r")
	if more {
		first += " …"
	}
	return first
}

// signs stand before what was added, changed and deleted.
var signs = map[string]string{"added": "+", "changed": "~", "deleted": "-"}

func showFiles(w io.Writer, files []layer.Change) {
	for _, c := range files {
		showFile(w, compare.File{Path: c.Path, Kind: string(c.Kind), Size: c.Size, Before: c.Before, What: c.What})
	}
}

func showFile(w io.Writer, f compare.File) {
	var about []string
	size := units.HumanSize(float64(f.Size))
	switch {
	case strings.HasSuffix(f.Path, "/"):
	case f.Kind == "changed" && f.Before != f.Size:
		about = append(about, units.HumanSize(float64(f.Before))+" → "+size)
	case f.Kind == "deleted" && f.Size == 0:
		about = append(about, units.HumanSize(float64(f.Before)))
	default:
		about = append(about, size)
	}
	about = append(about, f.What...)
	line := fmt.Sprintf("  %s %s", signs[f.Kind], printable(f.Path))
	if len(about) > 0 {
		line += " (" + printable(strings.Join(about, ", ")) + ")"
	}
	fmt.Fprintln(w, line)
}

// printable leaves out what a terminal would obey: an image's names and values are a stranger's.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func showFields(w io.Writer, fields []compare.Field) {
	for _, f := range fields {
		switch {
		case f.Before == nil:
			fmt.Fprintf(w, "  + %s = %s\n", f.Name, printable(*f.After))
		case f.After == nil:
			fmt.Fprintf(w, "  - %s = %s\n", f.Name, printable(*f.Before))
		default:
			fmt.Fprintf(w, "  ~ %s = %s → %s\n", f.Name, printable(*f.Before), printable(*f.After))
		}
	}
}
