package text

import (
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// echo is bash's: what starts with a minus and has other letters than these is text.
func echo(c *applet.Call) error {
	args, end, escapes := c.Args, "\n", false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, letter := range args[0][1:] {
			switch letter {
			case 'n':
				end = ""
			default:
				escapes = letter == 'e'
			}
		}
		args = args[1:]
	}
	line := strings.Join(args, " ")
	for stop := false; escapes && line != ""; {
		var text string
		text, line, stop = escapeSequence(line, true)
		c.Stdout.WriteString(text)
		if stop {
			return nil
		}
	}
	_, err := c.Stdout.WriteString(line + end)
	return err
}
