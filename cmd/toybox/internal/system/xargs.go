package system

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// The statuses of xargs for what became of its commands.
const (
	xargsFailed = 123 // one ended with 1 to 125
	xargsStop   = 124 // one ended with 255, which ends xargs
	xargsSignal = 125 // one was ended by a signal
)

// runner is one run of xargs: words come in, commands go out.
type runner struct {
	c       *applet.Call
	command []string
	replace string // -I
	perRun  int    // -n; 0: as many as fit
	perLine int    // -L
	size    int    // -s
	trace   bool
	keep    bool // -r: no words, no command

	words []string
	used  int // bytes of words
	lines int
	ran   bool

	slots  chan struct{} // -P
	wait   sync.WaitGroup
	mu     sync.Mutex
	status int
	stop   bool
}

func xargs(c *applet.Call) error {
	o, err := c.Options("+ 0,null r,no-run-if-empty t,verbose x,exit a,arg-file: d,delimiter: I: i,replace:: " +
		"n,max-args: L,max-lines: s,max-chars: P,max-procs:")
	if err != nil {
		return err
	}
	r := &runner{c: c, command: o.Args, replace: o.Get("I"), trace: o.Has("t"), keep: o.Has("r")}
	if len(r.command) == 0 {
		r.command = []string{"echo"}
	}
	if o.Has("i") {
		r.replace = "{}"
	}
	processes := 1
	r.size = 128 << 10
	for name, into := range map[string]*int{"n": &r.perRun, "L": &r.perLine, "s": &r.size, "P": &processes} {
		if !o.Has(name) {
			continue
		}
		if *into, err = strconv.Atoi(o.Get(name)); err != nil || *into < 0 || *into == 0 && name != "P" {
			return applet.Usagef("invalid number '%s' for -%s", o.Get(name), name)
		}
	}
	if processes == 0 {
		processes = 1024
	}
	r.slots = make(chan struct{}, processes)
	next, err := wordSource(o)
	if err != nil {
		return err
	}
	in := c.Stdin
	if o.Has("a") {
		f, err := c.Open(o.Get("a"))
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	return r.all(next, bufio.NewReader(in))
}

// A source reads the next word. last says that it ends its line.
type source func(*bufio.Reader) (word string, last bool, err error)

func wordSource(o *applet.Options) (source, error) {
	switch {
	case o.Has("0"):
		return separated(0), nil
	case o.Has("d"):
		d := strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\0`, "\x00", `\\`, `\`).Replace(o.Get("d"))
		if len(d) != 1 {
			return nil, applet.Usagef("the delimiter is one byte")
		}
		return separated(d[0]), nil
	case o.Has("I") || o.Has("i"):
		return wholeLine, nil
	}
	return quotedWord, nil
}

func separated(end byte) source {
	return func(in *bufio.Reader) (string, bool, error) {
		word, err := in.ReadString(end)
		if word == "" {
			return "", true, err
		}
		return strings.TrimSuffix(word, string([]byte{end})), true, nil
	}
}

// wholeLine is -I's word: a line without the blanks before it.
func wholeLine(in *bufio.Reader) (string, bool, error) {
	for {
		line, err := in.ReadString('\n')
		if line == "" {
			return "", true, err
		}
		line = strings.TrimLeft(strings.TrimSuffix(line, "\n"), " \t")
		if line != "" {
			return unquote(line)
		}
	}
}

func unquote(line string) (string, bool, error) {
	in := bufio.NewReader(strings.NewReader(line))
	var b strings.Builder
	for {
		c, err := in.ReadByte()
		if err != nil {
			return b.String(), true, nil
		}
		if err := quoted(in, c, &b); err != nil {
			return "", true, err
		}
	}
}

// quotedWord reads a word as xargs does by itself: between blanks, with quotes and backslashes.
func quotedWord(in *bufio.Reader) (string, bool, error) {
	var b strings.Builder
	started := false
	for {
		c, err := in.ReadByte()
		switch {
		case err != nil && started:
			return b.String(), true, nil
		case err != nil:
			return "", true, err
		case c == ' ' || c == '\t':
			if !started {
				continue
			}
			// A blank at the end of a line goes on to the next one for -L: it is left out here.
			return b.String(), atLineEnd(in), nil
		case c == '\n':
			if started {
				return b.String(), true, nil
			}
			continue
		}
		started = true
		if err := quoted(in, c, &b); err != nil {
			return "", true, err
		}
	}
}

func atLineEnd(in *bufio.Reader) bool {
	next, err := in.Peek(1)
	return err != nil || next[0] == '\n'
}

// quoted adds a byte, or what the quote that it opens encloses.
func quoted(in *bufio.Reader, c byte, b *strings.Builder) error {
	switch c {
	case '\\':
		next, err := in.ReadByte()
		if err == nil {
			b.WriteByte(next)
		}
		return nil
	case '\'', '"':
		text, err := in.ReadString(c)
		if err != nil || strings.Contains(text, "\n") {
			return fmt.Errorf("unmatched %c quote; -0 takes names as they are", c)
		}
		b.WriteString(text[:len(text)-1])
		return nil
	}
	return b.WriteByte(c)
}

func (r *runner) all(next source, in *bufio.Reader) error {
	var err error
	for err == nil && !r.stopped() {
		var word string
		var last bool
		if word, last, err = next(in); err == nil {
			err = r.add(word, last)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
		if len(r.words) > 0 || !r.ran && !r.keep && r.replace == "" {
			err = r.run(r.words)
		}
	}
	r.wait.Wait()
	if err == nil && r.status != 0 {
		err = applet.Exit(r.status)
	}
	return err
}

// add takes a word, and runs the command when there are enough of them.
func (r *runner) add(word string, last bool) error {
	if r.replace != "" {
		return r.run([]string{word})
	}
	size := len(word) + 1
	for _, part := range r.command {
		size += len(part) + 1
	}
	if len(r.words) > 0 && r.used+size > r.size {
		if err := r.flush(); err != nil {
			return err
		}
	}
	r.words = append(r.words, word)
	r.used += len(word) + 1
	if last {
		r.lines++
	}
	if len(r.words) == r.perRun || r.perLine > 0 && r.lines == r.perLine {
		return r.flush()
	}
	return nil
}

func (r *runner) flush() error {
	words := r.words
	r.words, r.used, r.lines = nil, 0, 0
	return r.run(words)
}

func (r *runner) run(words []string) error {
	r.ran = true
	argv := append(slices.Clone(r.command), words...)
	if r.replace != "" {
		argv = slices.Clone(r.command)
		for i := range argv {
			argv[i] = strings.ReplaceAll(argv[i], r.replace, words[0])
		}
	}
	r.slots <- struct{}{}
	if r.stopped() {
		<-r.slots
		return nil
	}
	if r.trace {
		fmt.Fprintln(r.c.Stderr, strings.Join(argv, " "))
	}
	cmd, status, err := r.c.StartChild(argv, r.c.Environ, nil, nil)
	if err != nil {
		<-r.slots
		r.wait.Wait()
		r.c.Warn(err)
		return applet.Exit(status)
	}
	r.wait.Go(func() {
		defer func() { <-r.slots }()
		status, err := applet.Status(cmd, cmd.Wait())
		r.done(status, err)
	})
	if cap(r.slots) == 1 {
		r.wait.Wait()
	}
	return nil
}

func (r *runner) done(status int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.c.Warn(err)
	case status == 255:
		r.status, r.stop = xargsStop, true
	case status > 128 && status <= 128+int(syscall.SIGSYS):
		r.status, r.stop = xargsSignal, true
	case status != 0:
		r.status = max(r.status, xargsFailed)
	}
}

func (r *runner) stopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stop
}
