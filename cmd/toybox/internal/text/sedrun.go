package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// machine runs a script.
type machine struct {
	c        *applet.Call
	commands []*sedCommand
	quiet    bool
	end      byte
	flush    bool
	separate bool
	inPlace  bool
	suffix   string
	follow   bool

	in     *sedInput
	out    *sedOutput // of the file at hand
	stdout *sedOutput
	files  map[string]*sedOutput
	opened []*os.File
	edit   *edit

	space    []byte // the pattern space
	hold     []byte
	ended    bool // the pattern space had an end when it was read
	heldEnd  bool // so had the hold space
	line     int
	changed  bool // for t
	appended []func() error
	last     *regexp.Regexp
}

// What a command may do to the cycle.
var (
	errNextCycle = errors.New("next cycle")   // d: without printing
	errEndCycle  = errors.New("end of cycle") // b to the end, as if the script were over
	errRestart   = errors.New("restart")      // D: without reading
	errQuit      = errors.New("quit")         // q: after printing
	errQuitNow   = errors.New("quit at once") // Q
)

func (m *machine) run() error {
	status := 0
	keep := false // D has left something to go on with
	for {
		if !keep {
			ok, err := m.next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
		}
		code, err := m.cycle()
		keep = errors.Is(err, errRestart)
		switch {
		case errors.Is(err, errQuit), errors.Is(err, errQuitNow):
			if err := m.leave(); err != nil {
				return err
			}
			return quit(code)
		case err != nil && !keep:
			return err
		}
	}
	if m.in.failed {
		status = sedNoInput
	}
	return quit(status)
}

func quit(status int) error {
	if status == 0 {
		return nil
	}
	return applet.Exit(status)
}

// next reads a line into the pattern space; false is the end of all input.
func (m *machine) next() (bool, error) {
	more, err := m.in.advance(m.fileDone)
	if err != nil || !more {
		return false, err
	}
	m.space, m.ended, err = m.in.read()
	m.line++
	m.changed = false
	return err == nil, err
}

// fileDone ends a file: with -i the new text takes its place.
func (m *machine) fileDone() error {
	if m.separate {
		m.line = 0
	}
	if m.edit == nil {
		return nil
	}
	e := m.edit
	m.edit, m.out = nil, m.stdout
	return applet.At(m.in.name, e.finish(m.suffix))
}

// leave copies what is left of a file under -i after q.
func (m *machine) leave() error {
	if m.edit == nil {
		return nil
	}
	rest, err := io.ReadAll(m.in.r)
	if err == nil {
		err = m.out.raw(rest, m.end)
	}
	m.in.close()
	return errors.Join(err, m.fileDone())
}

// isLast reports whether the line at hand is the last of all, or of its file.
func (m *machine) isLast() bool {
	if m.in.more() {
		return false
	}
	if m.separate {
		return true
	}
	more, err := m.in.advance(m.fileDone)
	return err == nil && !more
}

// cycle runs the script once; the number is q's.
func (m *machine) cycle() (int, error) {
	status, err := m.script()
	if errors.Is(err, errEndCycle) {
		err = nil
	}
	if (err == nil || errors.Is(err, errQuit)) && !m.quiet {
		if printErr := m.out.line(m.space, m.end, m.ended); printErr != nil {
			return 0, printErr
		}
	}
	if errors.Is(err, errNextCycle) {
		err = nil
	}
	if appendErr := m.flushAppended(); appendErr != nil {
		return 0, appendErr
	}
	if m.flush {
		m.c.Stdout.Flush()
	}
	return status, err
}

func (m *machine) flushAppended() error {
	for _, do := range m.appended {
		if err := do(); err != nil {
			return err
		}
	}
	m.appended = nil
	return nil
}

func (m *machine) script() (int, error) {
	for i := 0; i < len(m.commands); {
		cmd := m.commands[i]
		i++
		if !m.selected(cmd) {
			if cmd.name == '{' {
				i = cmd.target
			}
			continue
		}
		jump, err := m.do(cmd)
		if err != nil {
			return cmd.status, err
		}
		if jump >= 0 {
			i = jump
		}
	}
	return 0, nil
}

// do runs one command; a number that is not negative is where the script goes on.
func (m *machine) do(cmd *sedCommand) (int, error) {
	switch cmd.name {
	case 'b':
		return cmd.target, nil
	case 't', 'T':
		was := m.changed
		m.changed = false
		if was == (cmd.name == 't') {
			return cmd.target, nil
		}
	case 'a':
		m.appended = append(m.appended, func() error { return m.out.raw([]byte(cmd.text), m.end) })
	case 'i':
		return -1, m.out.raw([]byte(cmd.text), m.end)
	case 'c':
		if cmd.to == nil || cmd.negate || !cmd.active {
			if err := m.out.raw([]byte(cmd.text), m.end); err != nil {
				return -1, err
			}
		}
		return -1, errNextCycle
	case 'd':
		return -1, errNextCycle
	case 'D':
		_, rest, found := bytes.Cut(m.space, []byte{m.end})
		if !found {
			return -1, errNextCycle
		}
		m.space = bytes.Clone(rest)
		return -1, errRestart
	case 'q':
		return -1, errQuit
	case 'Q':
		return -1, errQuitNow
	case 'n', 'N':
		return -1, m.readOn(cmd.name)
	case 's':
		return -1, m.substitute(cmd)
	default:
		return -1, m.simple(cmd)
	}
	return -1, nil
}

// simple are the commands that change the spaces or print.
func (m *machine) simple(cmd *sedCommand) error {
	switch cmd.name {
	case '=':
		return m.out.raw(fmt.Appendln(nil, m.line), m.end)
	case 'F':
		return m.out.raw(fmt.Appendln(nil, m.in.name), m.end)
	case 'g':
		m.space, m.ended = bytes.Clone(m.hold), m.heldEnd
	case 'G':
		m.space, m.ended = append(append(m.space, m.end), m.hold...), m.ended || m.heldEnd
	case 'h':
		m.hold, m.heldEnd = bytes.Clone(m.space), m.ended
	case 'H':
		m.hold, m.heldEnd = append(append(m.hold, m.end), m.space...), m.heldEnd || m.ended
	case 'x':
		m.space, m.hold = m.hold, m.space
		m.ended, m.heldEnd = m.heldEnd, m.ended
	case 'z':
		m.space = nil
	case 'p':
		return m.out.line(m.space, m.end, m.ended)
	case 'P':
		first, _, cut := bytes.Cut(m.space, []byte{m.end})
		return m.out.line(first, m.end, cut || m.ended)
	case 'w':
		return m.files[cmd.file].line(m.space, m.end, m.ended)
	case 'r':
		m.appended = append(m.appended, func() error { return m.insertFile(cmd.file) })
	case 'y':
		m.space = bytes.Map(func(r rune) rune {
			if to, ok := cmd.table[r]; ok {
				return to
			}
			return r
		}, m.space)
	}
	return nil
}

// insertFile is r; a file that cannot be read counts as empty.
func (m *machine) insertFile(name string) error {
	var text []byte
	if name == "/dev/stdin" {
		text, _ = io.ReadAll(m.c.Stdin)
	} else {
		text, _ = os.ReadFile(m.c.Path(name))
	}
	return m.out.raw(text, m.end)
}

// readOn is n and N. Without a next line the script ends there, and what is in the pattern
// space is printed.
func (m *machine) readOn(name byte) error {
	if m.isLast() {
		if m.separate && len(m.in.files) > 0 {
			return errEndCycle
		}
		return errQuit
	}
	if name == 'n' && !m.quiet {
		if err := m.out.line(m.space, m.end, m.ended); err != nil {
			return err
		}
	}
	if err := m.flushAppended(); err != nil {
		return err
	}
	before := m.space
	if _, err := m.next(); err != nil {
		return err
	}
	if name == 'N' {
		m.space = append(append(bytes.Clone(before), m.end), m.space...)
	}
	return nil
}

func (m *machine) substitute(cmd *sedCommand) error {
	re, err := m.expression(cmd.sub.re)
	if err != nil {
		return err
	}
	text, changed := cmd.sub.apply(re, m.space)
	if !changed {
		return nil
	}
	m.space, m.changed = text, true
	for range cmd.sub.print {
		if err := m.out.line(m.space, m.end, m.ended); err != nil {
			return err
		}
	}
	if cmd.file != "" {
		return m.files[cmd.file].line(m.space, m.end, m.ended)
	}
	return nil
}

// expression notes the expression that is used, and is the last one for an empty one.
func (m *machine) expression(re *regexp.Regexp) (*regexp.Regexp, error) {
	if re != nil {
		m.last = re
	}
	if m.last == nil {
		return nil, errors.New("no previous regular expression")
	}
	return m.last, nil
}
