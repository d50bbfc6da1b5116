package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func seq(c *applet.Call) error {
	// A negative number is not an option.
	for i, arg := range c.Args {
		if _, err := strconv.ParseFloat(arg, 64); err == nil && strings.HasPrefix(arg, "-") {
			c.Args = append(append(append([]string{}, c.Args[:i]...), "--"), c.Args[i:]...)
			break
		}
	}
	o, err := c.Options("w,equal-width s,separator: f,format:")
	if err != nil {
		return err
	}
	if len(o.Args) < 1 || len(o.Args) > 3 {
		return applet.Usagef("one to three numbers are needed")
	}
	words := []string{"1", "1", o.Args[len(o.Args)-1]}
	if len(o.Args) > 1 {
		words[0] = o.Args[0]
	}
	if len(o.Args) > 2 {
		words[1] = o.Args[1]
	}
	var n [3]float64
	places := 0
	for i, word := range words {
		if n[i], err = strconv.ParseFloat(word, 64); err != nil || math.IsNaN(n[i]) {
			return applet.Usagef("invalid number '%s'", word)
		}
		if _, fraction, _ := strings.Cut(word, "."); i < 2 {
			places = max(places, len(fraction))
		}
	}
	if n[1] == 0 {
		return applet.Usagef("the step is zero")
	}
	format, err := seqFormat(o, n, places)
	if err != nil {
		return err
	}
	separator := "\n"
	if o.Has("s") {
		separator = o.Get("s")
	}
	return printSeq(c, n[0], n[1], n[2], format, separator)
}

func seqFormat(o *applet.Options, n [3]float64, places int) (string, error) {
	switch format := o.Get("f"); {
	case format != "":
		verb := strings.TrimLeft(strings.ReplaceAll(format, "%%", ""), "")
		_, after, found := strings.Cut(verb, "%")
		directive := strings.TrimLeft(after, "-+ #0123456789.")
		if !found || directive == "" || strings.IndexByte("feg", directive[0]) < 0 || strings.Contains(directive, "%") {
			return "", applet.Usagef("invalid format '%s'", format)
		}
		return format, nil
	case o.Has("w"):
		first := fmt.Sprintf("%.*f", places, n[0])
		last := fmt.Sprintf("%.*f", places, n[2])
		return fmt.Sprintf("%%0%d.%df", max(len(first), len(last)), places), nil
	}
	return fmt.Sprintf("%%.%df", places), nil
}

// printSeq counts in steps, so that rounding errors do not add up.
func printSeq(c *applet.Call, first, step, last float64, format, separator string) error {
	slack := math.Abs(step) * 1e-9
	for i := 0.0; ; i++ {
		value := first + i*step
		if step > 0 && value > last+slack || step < 0 && value < last-slack {
			if i > 0 {
				return c.Stdout.WriteByte('\n')
			}
			return nil
		}
		if i > 0 {
			c.Stdout.WriteString(separator)
		}
		if _, err := fmt.Fprintf(c.Stdout, format, value); err != nil {
			return err
		}
	}
}
