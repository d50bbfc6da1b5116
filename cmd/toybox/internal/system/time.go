package system

import (
	"fmt"
	"strconv"
	"time"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

func sleep(c *applet.Call) error {
	if len(c.Args) == 0 {
		return applet.Usagef("no time given")
	}
	var total time.Duration
	for _, arg := range c.Args {
		d, err := duration(arg)
		if err != nil {
			return err
		}
		total += d
	}
	time.Sleep(total)
	return nil
}

// duration reads "3", "0.5", "2m", "infinity".
func duration(text string) (time.Duration, error) {
	number, unit := text, time.Second
	if n := len(text); n > 0 {
		for _, u := range []struct {
			letter byte
			unit   time.Duration
		}{{'s', time.Second}, {'m', time.Minute}, {'h', time.Hour}, {'d', 24 * time.Hour}} {
			if text[n-1] == u.letter {
				number, unit = text[:n-1], u.unit
			}
		}
	}
	const forever = time.Duration(1<<63 - 1)
	if number == "infinity" || number == "inf" {
		return forever, nil
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 || n != n {
		return 0, fmt.Errorf("invalid time interval '%s'", text)
	}
	if n >= float64(forever)/float64(unit) {
		return forever, nil
	}
	return time.Duration(n * float64(unit)), nil
}
