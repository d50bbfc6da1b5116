package text

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// paste joins the lines of files, side by side or each file's own.
func paste(c *applet.Call) error {
	o, err := c.Options("s,serial d,delimiters:")
	if err != nil {
		return err
	}
	between := []string{"\t"}
	if o.Has("d") {
		between = strings.Split(strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(o.Get("d")), "")
		if strings.Contains(o.Get("d"), `\0`) || len(between) == 0 {
			between = []string{""}
		}
	}
	if o.Has("s") {
		return c.EachInput(o.Args, func(_ string, r io.Reader) error {
			n := 0
			err := eachLine(r, '\n', func(line []byte, _ bool) bool {
				if n > 0 {
					c.Stdout.WriteString(between[(n-1)%len(between)])
				}
				n++
				c.Stdout.Write(line)
				return true
			})
			c.Stdout.WriteByte('\n')
			return err
		})
	}
	names := o.Args
	if len(names) == 0 {
		names = []string{"-"}
	}
	return sideBySide(c, names, between)
}

func sideBySide(c *applet.Call, names, between []string) error {
	stdin := bufio.NewReader(c.Stdin) // shared: "paste - -" takes turns
	inputs := make([]*bufio.Reader, len(names))
	for i, name := range names {
		if inputs[i] = stdin; name == "-" {
			continue
		}
		f, err := c.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		inputs[i] = bufio.NewReader(f)
	}
	for {
		var row strings.Builder
		more := false
		for i, in := range inputs {
			line, err := in.ReadString('\n')
			more = more || err == nil || line != ""
			if i > 0 {
				row.WriteString(between[(i-1)%len(between)])
			}
			row.WriteString(strings.TrimSuffix(line, "\n"))
		}
		if !more {
			return nil
		}
		if _, err := fmt.Fprintln(c.Stdout, row.String()); err != nil {
			return err
		}
	}
}

// comm compares two sorted files: lines of the first, of the second, of both.
func comm(c *applet.Call) error {
	o, err := c.Options("1 2 3")
	if err != nil {
		return err
	}
	if len(o.Args) != 2 {
		return applet.Usagef("two files are needed")
	}
	a, b := lines(c, o.Args[:1], '\n'), lines(c, o.Args[1:], '\n')
	print := func(column string, line []byte) {
		if o.Has(column) {
			return
		}
		for _, before := range []string{"1", "2"} {
			if before < column && !o.Has(before) {
				c.Stdout.WriteByte('\t')
			}
		}
		fmt.Fprintf(c.Stdout, "%s\n", line)
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && string(a[0]) < string(b[0]):
			print("1", a[0])
			a = a[1:]
		case len(a) == 0 || string(b[0]) < string(a[0]):
			print("2", b[0])
			b = b[1:]
		default:
			print("3", a[0])
			a, b = a[1:], b[1:]
		}
	}
	return nil
}
