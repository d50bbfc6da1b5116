package system

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func date(c *applet.Call) error {
	o, err := c.Options("u,utc,universal d,date: r,reference: R,rfc-email I,iso-8601:: rfc-3339:")
	if err != nil {
		return err
	}
	zone := c.Location()
	if o.Has("u") {
		zone = time.UTC
	}
	t := time.Now()
	switch {
	case o.Has("d"):
		t, err = applet.ParseTime(o.Get("d"), zone)
	case o.Has("r"):
		var info os.FileInfo
		if info, err = os.Stat(c.Path(o.Get("r"))); err == nil {
			t = info.ModTime()
		}
		err = applet.At(o.Get("r"), err)
	}
	if err != nil {
		return err
	}
	format, err := dateFormat(o)
	if err != nil {
		return err
	}
	text, err := strftime(format, t.In(zone))
	if err == nil {
		fmt.Fprintln(c.Stdout, text)
	}
	return err
}

func dateFormat(o *applet.Options) (string, error) {
	format := "%a %b %e %H:%M:%S %Z %Y"
	switch {
	case o.Has("R"):
		format = "%a, %d %b %Y %H:%M:%S %z"
	case o.Has("I"):
		return isoFormat(o.Get("I"), "T")
	case o.Has("rfc-3339"):
		return isoFormat(o.Get("rfc-3339"), " ")
	}
	switch {
	case len(o.Args) == 0:
		return format, nil
	case len(o.Args) > 1:
		return "", applet.Usagef("extra operand '%s'", o.Args[1])
	case !strings.HasPrefix(o.Args[0], "+"):
		return "", applet.Usagef("the clock cannot be set")
	}
	return o.Args[0][1:], nil
}

func isoFormat(unit, separator string) (string, error) {
	format, known := map[string]string{
		"": "%Y-%m-%d", "date": "%Y-%m-%d", "hours": "%H%:z", "minutes": "%H:%M%:z",
		"seconds": "%H:%M:%S%:z", "ns": "%H:%M:%S,%N%:z",
	}[unit]
	switch {
	case !known:
		return "", applet.Usagef("unknown unit '%s'", unit)
	case unit == "" || unit == "date":
		return format, nil
	case separator == " ":
		format = strings.Replace(format, ",", ".", 1)
	}
	return "%Y-%m-%d" + separator + format, nil
}
