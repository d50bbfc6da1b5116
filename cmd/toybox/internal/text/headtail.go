package text

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// extent is how much of a file head and tail show.
type extent struct {
	n     int64
	bytes bool
	sign  byte // '+', '-' or 0
}

// extentOption reads -n and -c, and the old form "-5".
func extentOption(c *applet.Call, spec string) (*applet.Options, extent, error) {
	if len(c.Args) > 0 {
		if arg := c.Args[0]; len(arg) > 1 && arg[0] == '-' && strings.Trim(arg[1:], "0123456789") == "" {
			c.Args = append([]string{"-n", arg[1:]}, c.Args[1:]...)
		}
	}
	o, err := c.Options(spec)
	if err != nil {
		return nil, extent{}, err
	}
	e := extent{n: 10}
	text := o.Get("n")
	if o.Has("c") {
		e.bytes, text = true, o.Get("c")
	}
	if text == "" {
		return o, e, nil
	}
	if text[0] == '+' || text[0] == '-' {
		e.sign, text = text[0], text[1:]
	}
	e.n, err = applet.ParseSize(text)
	return o, e, err
}

// titled calls do for every file, below a heading if there are several.
func titled(c *applet.Call, o *applet.Options, do func(io.Reader) error) error {
	first := true
	return c.EachInput(o.Args, func(name string, r io.Reader) error {
		if (len(o.Args) > 1 || o.Has("v")) && !o.Has("q") {
			if !first {
				fmt.Fprintln(c.Stdout)
			}
			if name == "-" {
				name = "standard input"
			}
			fmt.Fprintf(c.Stdout, "==> %s <==\n", name)
		}
		first = false
		return do(r)
	})
}

func head(c *applet.Call) error {
	o, e, err := extentOption(c, "n,lines: c,bytes: q,quiet,silent v,verbose")
	if err != nil {
		return err
	}
	return titled(c, o, func(r io.Reader) error {
		switch {
		case e.sign == '-':
			return allButLast(c.Stdout, r, e)
		case e.bytes:
			_, err := io.CopyN(c.Stdout, r, e.n)
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		case e.n == 0:
			return nil
		}
		left := e.n
		return eachLine(r, '\n', func(line []byte, ended bool) bool {
			writeLine(c.Stdout, line, ended)
			left--
			return left > 0
		})
	})
}

func writeLine(w *bufio.Writer, line []byte, ended bool) {
	w.Write(line)
	if ended {
		w.WriteByte('\n')
	}
}

func allButLast(w *bufio.Writer, r io.Reader, e extent) error {
	data, err := io.ReadAll(r)
	if err == nil {
		_, err = w.Write(data[:lastStart(data, e)])
	}
	return err
}

// lastStart is where the last lines or bytes of data begin.
func lastStart(data []byte, e extent) int {
	if e.bytes {
		return max(0, len(data)-int(min(e.n, int64(len(data)))))
	}
	at := len(data)
	if at > 0 && data[at-1] == '\n' && e.n > 0 {
		at--
	}
	for left := e.n; at > 0 && left > 0; {
		if data[at-1] == '\n' {
			if left--; left == 0 {
				break
			}
		}
		at--
	}
	return at
}

func tail(c *applet.Call) error {
	if len(c.Args) > 0 && strings.HasPrefix(c.Args[0], "+") {
		c.Args = append([]string{"-n"}, c.Args...)
	}
	o, e, err := extentOption(c, "n,lines: c,bytes: f,follow F q,quiet,silent v,verbose")
	if err != nil {
		return err
	}
	follow := o.Has("f") || o.Has("F")
	if follow && len(o.Args) > 1 {
		return applet.Usagef("-f follows one file only")
	}
	return titled(c, o, func(r io.Reader) error {
		if err := tailOne(c.Stdout, r, e); err != nil || !follow {
			return err
		}
		for {
			c.Stdout.Flush()
			time.Sleep(100 * time.Millisecond)
			if _, err := io.Copy(c.Out, r); err != nil {
				return err
			}
		}
	})
}

func tailOne(w *bufio.Writer, r io.Reader, e extent) error {
	skip := e.n - 1
	switch {
	case e.sign == '+' && e.bytes:
		if _, err := io.CopyN(io.Discard, r, skip); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		_, err := io.Copy(w, r)
		return err
	case e.sign == '+':
		return eachLine(r, '\n', func(line []byte, ended bool) bool {
			if skip--; skip < 0 {
				writeLine(w, line, ended)
			}
			return true
		})
	}
	data, err := io.ReadAll(r)
	if err == nil {
		_, err = w.Write(data[lastStart(data, e):])
	}
	return err
}
