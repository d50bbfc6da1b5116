package text

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func cat(c *applet.Call) error {
	o, err := c.Options("n,number b,number-nonblank u A,show-all e E,show-ends t T,show-tabs v,show-nonprinting s,squeeze-blank")
	if err != nil {
		return err
	}
	p := printer{
		c: c, number: o.Has("n"), nonblank: o.Has("b"), squeeze: o.Has("s"),
		ends:    o.Has("E") || o.Has("e") || o.Has("A"),
		tabs:    o.Has("T") || o.Has("t") || o.Has("A"),
		visible: o.Has("v") || o.Has("e") || o.Has("t") || o.Has("A"),
	}
	if p == (printer{c: c}) {
		// Unbuffered: what is there is passed on at once.
		return c.EachInput(o.Args, func(_ string, r io.Reader) error {
			_, err := io.Copy(c.Out, r)
			return err
		})
	}
	return c.EachInput(o.Args, func(_ string, r io.Reader) error { return eachLine(r, '\n', p.line) })
}

// printer is cat with options.
type printer struct {
	c                                              *applet.Call
	number, nonblank, squeeze, ends, tabs, visible bool
	count                                          int
	blank                                          bool
}

func (p *printer) line(line []byte, ended bool) bool {
	blank := len(line) == 0
	if p.squeeze && blank && p.blank {
		return true
	}
	p.blank = blank
	if p.number && !p.nonblank || p.nonblank && !blank {
		p.count++
		fmt.Fprintf(p.c.Stdout, "%6d\t", p.count)
	}
	for _, b := range line {
		p.c.Stdout.WriteString(p.show(b))
	}
	if !ended {
		return true
	}
	if p.ends {
		p.c.Stdout.WriteByte('$')
	}
	return p.c.Stdout.WriteByte('\n') == nil
}

func (p *printer) show(b byte) string {
	switch {
	case b == '\t' && p.tabs:
		return "^I"
	case !p.visible || b == '\t':
		return string([]byte{b})
	case b >= 128:
		return "M-" + p.show(b-128)
	case b < 32:
		return "^" + string(rune(b+64))
	case b == 127:
		return "^?"
	}
	return string(rune(b))
}

func tac(c *applet.Call) error {
	o, err := c.Options("")
	if err != nil {
		return err
	}
	for _, line := range slices.Backward(lines(c, o.Args, '\n')) {
		fmt.Fprintf(c.Stdout, "%s\n", line)
	}
	return nil
}

func rev(c *applet.Call) error {
	o, err := c.Options("")
	if err != nil {
		return err
	}
	return c.EachInput(o.Args, func(_ string, r io.Reader) error {
		return eachLine(r, '\n', func(line []byte, ended bool) bool {
			runes := []rune(string(line))
			slices.Reverse(runes)
			c.Stdout.WriteString(string(runes))
			if ended {
				c.Stdout.WriteByte('\n')
			}
			return true
		})
	})
}

func tee(c *applet.Call) error {
	o, err := c.Options("a,append")
	if err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if o.Has("a") {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	outs := []io.Writer{c.Out}
	for _, name := range o.Args {
		f, err := os.OpenFile(c.Path(name), flags, 0o666)
		if err != nil {
			c.Warn(applet.At(name, err))
			continue
		}
		defer f.Close()
		outs = append(outs, f)
	}
	_, err = io.Copy(io.MultiWriter(outs...), c.Stdin)
	return err
}

func yes(c *applet.Call) error {
	text := "y"
	if len(c.Args) > 0 {
		text = strings.Join(c.Args, " ")
	}
	for {
		if _, err := fmt.Fprintln(c.Stdout, text); err != nil {
			return err
		}
	}
}
