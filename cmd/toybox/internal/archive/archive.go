// Package archive holds the applets that pack and unpack: tar, gzip and their kin.
//
// What an archive holds is not trusted: nothing is written outside of the folder that it is
// unpacked in, whatever its names and links say (see links.go). Links that were there before
// are the user's own and are followed.
package archive

import "github.com/shbuild/shbuild/cmd/toybox/internal/applet"

// Applets are the applets of this package by their names.
func Applets() map[string]applet.Applet {
	return map[string]applet.Applet{
		"bunzip2": {Run: compress, Usage: "[-cfkqtv] [FILE…]"},
		"bzcat":   {Run: compress, Usage: "[FILE…]"},
		"gunzip":  {Run: compress, Usage: "[-cfknqtv] [FILE…]"},
		"gzip":    {Run: compress, Usage: "[-cdfknqtv1-9] [FILE…]"},
		"tar":     {Run: tarApplet, Usage: tarUsage, Trouble: 2},
		"unzip":   {Run: unzip, Usage: "[-loqpn] [-d DIR] FILE [MEMBER…]"},
		"zcat":    {Run: compress, Usage: "[FILE…]"},
	}
}
