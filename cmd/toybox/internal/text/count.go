package text

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// counts are what wc counts, in the order in which it prints them.
type counts struct{ lines, words, chars, bytes, longest int64 }

func wc(c *applet.Call) error {
	o, err := c.Options("c,bytes l,lines m,chars w,words L,max-line-length")
	if err != nil {
		return err
	}
	var total counts
	type row struct {
		counts
		name string
	}
	var rows []row
	err = c.EachInput(o.Args, func(name string, r io.Reader) error {
		n, err := count(r)
		if len(o.Args) == 0 {
			name = ""
		}
		rows = append(rows, row{n, name})
		total = counts{total.lines + n.lines, total.words + n.words, total.chars + n.chars, total.bytes + n.bytes, max(total.longest, n.longest)}
		return err
	})
	if len(o.Args) > 1 {
		rows = append(rows, row{total, "total"})
	}
	picked := func(n counts) []int64 {
		var list []int64
		none := !(o.Has("l") || o.Has("w") || o.Has("m") || o.Has("c") || o.Has("L"))
		for _, f := range []struct {
			want  bool
			value int64
		}{{none || o.Has("l"), n.lines}, {none || o.Has("w"), n.words}, {o.Has("m"), n.chars}, {none || o.Has("c"), n.bytes}, {o.Has("L"), n.longest}} {
			if f.want {
				list = append(list, f.value)
			}
		}
		return list
	}
	// Numbers are as wide as the largest can be; a single one of a single input stands alone.
	width := len(strconv.FormatInt(max(total.bytes, 1), 10))
	if len(rows) == 1 && len(picked(total)) == 1 {
		width = 1
	} else if len(o.Args) == 0 {
		width = 7
		// Of a file the size is known before.
		if f, isFile := c.Stdin.(*os.File); isFile {
			if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
				width = len(strconv.FormatInt(max(info.Size(), 1), 10))
			}
		}
	}
	for _, row := range rows {
		var cells []string
		for _, n := range picked(row.counts) {
			cells = append(cells, fmt.Sprintf("%*d", width, n))
		}
		if row.name != "" {
			cells = append(cells, row.name)
		}
		fmt.Fprintln(c.Stdout, strings.Join(cells, " "))
	}
	return err
}

func count(r io.Reader) (counts, error) {
	var n counts
	err := eachLine(r, '\n', func(line []byte, ended bool) bool {
		n.bytes += int64(len(line))
		chars := int64(utf8.RuneCount(line))
		n.chars += chars
		n.longest = max(n.longest, chars)
		n.words += int64(len(bytes.FieldsFunc(line, unicode.IsSpace)))
		if ended {
			n.lines++
			n.chars++
			n.bytes++
		}
		return true
	})
	return n, err
}

func uniq(c *applet.Call) error {
	o, err := c.Options("c,count d,repeated i,ignore-case u,unique f,skip-fields: s,skip-chars:")
	if err != nil {
		return err
	}
	if len(o.Args) > 2 {
		return applet.Usagef("too many files")
	}
	out := io.Writer(c.Stdout)
	if len(o.Args) == 2 && o.Args[1] != "-" {
		f, err := os.Create(c.Path(o.Args[1]))
		if err != nil {
			return applet.At(o.Args[1], err)
		}
		defer f.Close()
		out = f
	}
	key, err := uniqKey(o)
	if err != nil {
		return err
	}
	seen := 0
	var last, lastKey []byte
	flush := func() {
		switch {
		case seen == 0, o.Has("d") && seen == 1, o.Has("u") && seen > 1:
		case o.Has("c"):
			fmt.Fprintf(out, "%7d %s\n", seen, last)
		default:
			fmt.Fprintf(out, "%s\n", last)
		}
	}
	err = c.EachInput(o.Args[:min(1, len(o.Args))], func(_ string, r io.Reader) error {
		return eachLine(r, '\n', func(line []byte, _ bool) bool {
			if k := key(line); seen > 0 && bytes.Equal(k, lastKey) {
				seen++
				return true
			}
			flush()
			last = bytes.Clone(line)
			lastKey, seen = key(last), 1
			return true
		})
	})
	flush()
	return err
}

// uniqKey is the part of a line that counts.
func uniqKey(o *applet.Options) (func([]byte) []byte, error) {
	var skip [2]int
	for i, name := range []string{"f", "s"} {
		if !o.Has(name) {
			continue
		}
		n, err := strconv.Atoi(o.Get(name))
		if err != nil || n < 0 {
			return nil, applet.Usagef("invalid number '%s'", o.Get(name))
		}
		skip[i] = n
	}
	return func(line []byte) []byte {
		for range skip[0] {
			line = bytes.TrimLeft(line, " \t")
			end := bytes.IndexAny(line, " \t")
			if end < 0 {
				end = len(line)
			}
			line = line[end:]
		}
		line = line[min(skip[1], len(line)):]
		if o.Has("i") {
			line = bytes.ToLower(line)
		}
		return line
	}, nil
}
