// Package text holds the applets that read and write text and bytes.
package text

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// Applets are the applets of this package by their names.
func Applets() map[string]applet.Applet {
	return map[string]applet.Applet{
		"base64":    {Run: base64Applet, Usage: "[-di] [-w COLUMNS] [FILE]"},
		"cat":       {Run: cat, Usage: "[-nAeETtuv] [FILE…]"},
		"cmp":       {Run: cmpFiles, Usage: "[-s] FILE FILE", Trouble: 2},
		"comm":      {Run: comm, Usage: "[-123] FILE FILE"},
		"cut":       {Run: cut, Usage: "-b LIST|-c LIST|-f LIST [-d CHAR] [-s] [--complement] [FILE…]"},
		"echo":      {Run: echo, Usage: "[-neE] [TEXT…]"},
		"egrep":     {Run: grep, Usage: grepUsage, Trouble: 2},
		"fgrep":     {Run: grep, Usage: grepUsage, Trouble: 2},
		"grep":      {Run: grep, Usage: grepUsage, Trouble: 2},
		"head":      {Run: head, Usage: "[-qv] [-n LINES|-c BYTES] [FILE…]"},
		"md5sum":    {Run: sum, Usage: sumUsage},
		"paste":     {Run: paste, Usage: "[-s] [-d CHARS] [FILE…]"},
		"printf":    {Run: printf, Usage: "FORMAT [ARG…]"},
		"rev":       {Run: rev, Usage: "[FILE…]"},
		"sed":       {Run: sed, Usage: "[-nErsz] [-i[SUFFIX]] [-e SCRIPT|-f FILE|SCRIPT] [FILE…]"},
		"seq":       {Run: seq, Usage: "[-w] [-s TEXT] [-f FORMAT] [FIRST [STEP]] LAST"},
		"sha1sum":   {Run: sum, Usage: sumUsage},
		"sha256sum": {Run: sum, Usage: sumUsage},
		"sha512sum": {Run: sum, Usage: sumUsage},
		"sort":      {Run: sortLines, Usage: "[-bdfghmnruVzcs] [-k KEY] [-t CHAR] [-o FILE] [FILE…]", Trouble: 2},
		"tac":       {Run: tac, Usage: "[FILE…]"},
		"tail":      {Run: tail, Usage: "[-fqv] [-n [+]LINES|-c [+]BYTES] [FILE…]"},
		"tee":       {Run: tee, Usage: "[-a] [FILE…]"},
		"tr":        {Run: tr, Usage: "[-cds] SET1 [SET2]"},
		"uniq":      {Run: uniq, Usage: "[-cdiu] [-f FIELDS] [-s CHARS] [INPUT [OUTPUT]]"},
		"wc":        {Run: wc, Usage: "[-clmwL] [FILE…]"},
		"yes":       {Run: yes, Usage: "[TEXT…]"},
	}
}

// eachLine calls do for every line, without its end. ended says whether the line had one: only
// the last may not. A false from do stops.
func eachLine(r io.Reader, end byte, do func(line []byte, ended bool) bool) error {
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(br, end)
		if len(line) > 0 {
			text, ended := bytes.CutSuffix(line, []byte{end})
			if !do(text, ended) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readLine reads a line of any length. The slice is good until the next call.
func readLine(br *bufio.Reader, end byte) ([]byte, error) {
	line, err := br.ReadSlice(end)
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	long := bytes.Clone(line)
	rest, err := br.ReadBytes(end)
	return append(long, rest...), err
}

// lines reads all lines of all inputs. A last line without an end is given one, as sort and
// tac do.
func lines(c *applet.Call, names []string, end byte) [][]byte {
	var all [][]byte
	c.EachInput(names, func(_ string, r io.Reader) error {
		return eachLine(r, end, func(line []byte, _ bool) bool {
			all = append(all, bytes.Clone(line))
			return true
		})
	})
	return all
}
