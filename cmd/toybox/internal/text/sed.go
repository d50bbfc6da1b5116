package text

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// The statuses of sed: 1 for what it cannot make sense of, 2 for a file that it cannot read.
const sedNoInput = 2

func sed(c *applet.Call) error {
	o, err := c.Options("n,quiet,silent E,r,regexp-extended i,in-place:: e,expression: f,file: s,separate " +
		"u,unbuffered z,null-data follow-symlinks")
	if err != nil {
		return err
	}
	script, files, err := sedScript(c, o)
	if err != nil {
		return err
	}
	p := &sedParser{text: script, extended: o.Has("E")}
	commands, err := p.parse()
	if err != nil {
		return err
	}
	m := &machine{
		c: c, commands: commands, heldEnd: true, quiet: o.Has("n") || p.quiet, end: '\n', flush: o.Has("u"),
		separate: o.Has("s") || o.Has("i"), inPlace: o.Has("i"), suffix: o.Get("i"), follow: o.Has("follow-symlinks"),
	}
	if o.Has("z") {
		m.end = 0
	}
	if len(files) == 0 {
		if m.inPlace {
			return applet.Usagef("-i needs a file")
		}
		files = []string{"-"}
	}
	m.in = &sedInput{c: c, files: files, end: m.end, open: m.openInput}
	defer m.closeAll()
	if err := m.openOutputs(); err != nil {
		return err
	}
	return m.run()
}

// sedScript joins the scripts of -e and -f, or takes the first operand.
func sedScript(c *applet.Call, o *applet.Options) (string, []string, error) {
	if !o.Has("e") && !o.Has("f") {
		if len(o.Args) == 0 {
			return "", nil, applet.Usagef("no script given")
		}
		return o.Args[0], o.Args[1:], nil
	}
	// An -e and an -f count in their order, which the options do not tell: one kind is enough.
	if o.Has("e") && o.Has("f") {
		return "", nil, applet.Usagef("-e and -f do not go together")
	}
	parts := o.All("e")
	for _, name := range o.All("f") {
		r, err := c.Open(name)
		if err != nil {
			return "", nil, err
		}
		text, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			return "", nil, applet.At(name, err)
		}
		parts = append(parts, strings.TrimSuffix(string(text), "\n"))
	}
	return strings.Join(parts, "\n"), o.Args, nil
}

// sedOutput is a file that sed writes lines to. A last line that had no end gets none, unless
// more follows.
type sedOutput struct {
	w       io.Writer
	missing bool
}

func (s *sedOutput) line(text []byte, end byte, ended bool) error {
	var out []byte
	if s.missing {
		out = append(out, end)
	}
	out = append(out, text...)
	if ended {
		out = append(out, end)
	}
	s.missing = !ended
	_, err := s.w.Write(out)
	return err
}

// raw writes text as it is, as r's file.
func (s *sedOutput) raw(text []byte, end byte) error {
	if len(text) == 0 {
		return nil
	}
	if s.missing {
		text = append([]byte{end}, text...)
	}
	s.missing = false
	_, err := s.w.Write(text)
	return err
}

// openOutputs makes the files of w, which are made even if nothing is written.
func (m *machine) openOutputs() error {
	m.stdout = &sedOutput{w: m.c.Stdout}
	m.out = m.stdout
	m.files = map[string]*sedOutput{
		"/dev/stdout": m.stdout,
		"/dev/stderr": {w: m.c.Stderr},
	}
	for _, cmd := range m.commands {
		name := cmd.file
		if cmd.name != 'w' && (cmd.sub == nil || cmd.file == "") || m.files[name] != nil {
			continue
		}
		f, err := os.Create(m.c.Path(name))
		if err != nil {
			return applet.At("couldn't open file "+name, err)
		}
		m.opened = append(m.opened, f)
		m.files[name] = &sedOutput{w: f}
	}
	return nil
}

func (m *machine) closeAll() {
	for _, f := range m.opened {
		f.Close()
	}
	if m.edit != nil {
		m.edit.abandon()
	}
}

// openInput opens an input for reading, and with -i what takes its place.
func (m *machine) openInput(name string) (io.ReadCloser, error) {
	if !m.inPlace {
		r, err := m.c.Open(name)
		if err != nil {
			return nil, fmt.Errorf("can't read %w", err)
		}
		if f, isFile := r.(*os.File); isFile {
			if info, err := f.Stat(); err == nil && info.IsDir() {
				f.Close()
				return nil, fmt.Errorf("couldn't read %s: Is a directory", name)
			}
		}
		return r, nil
	}
	edit, in, err := startEdit(m.c.Path(name), m.follow)
	switch {
	case errors.Is(err, errNotRegular):
		return nil, fmt.Errorf("couldn't edit %s: %w", name, err)
	case err != nil:
		return nil, fmt.Errorf("can't read %w", applet.At(name, err))
	}
	m.edit = edit
	m.out = &sedOutput{w: edit.w}
	return in, nil
}
