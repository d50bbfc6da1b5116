package text

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// sortKey is one -k: from a field and character to another, compared in its own way.
type sortKey struct {
	field, char       int // 1-based
	endField, endChar int // 0: to the end of the line, or of the field
	how               string
}

type sorter struct {
	keys []sortKey
	sep  []byte
	how  string // the global options among bdfghnrV
	last bool   // equal lines are put in order by their bytes
}

func sortLines(c *applet.Call) error {
	o, err := c.Options("b,ignore-leading-blanks d,dictionary-order f,ignore-case g,general-numeric-sort h,human-numeric-sort " +
		"m,merge n,numeric-sort r,reverse V,version-sort z,zero-terminated c,check s,stable u,unique k,key: t,field-separator: o,output:")
	if err != nil {
		return err
	}
	s := &sorter{last: !o.Has("s") && !o.Has("u")}
	for _, letter := range "bdfghnrV" {
		if o.Has(string(letter)) {
			s.how += string(letter)
		}
	}
	if sep := o.Get("t"); sep == `\0` {
		s.sep = []byte{0}
	} else if s.sep = []byte(sep); o.Has("t") && len(sep) != 1 {
		return applet.Usagef("the separator must be a single character")
	}
	for _, text := range o.All("k") {
		key, err := s.parseKey(text)
		if err != nil {
			return err
		}
		s.keys = append(s.keys, key)
	}
	end := byte('\n')
	if o.Has("z") {
		end = 0
	}
	all := lines(c, o.Args, end)
	if o.Has("c") {
		for i := 1; i < len(all); i++ {
			if n := s.compare(all[i-1], all[i]); n > 0 || n == 0 && o.Has("u") {
				fmt.Fprintf(c.Stderr, "sort: -:%d: disorder: %s\n", i+1, all[i])
				return applet.Exit(1)
			}
		}
		return nil
	}
	slices.SortStableFunc(all, s.compare)
	if o.Has("u") {
		all = slices.CompactFunc(all, func(a, b []byte) bool { return s.compare(a, b) == 0 })
	}
	return writeSorted(c, o, all, end)
}

// writeSorted writes the result; -o may name an input, which has been read by now.
func writeSorted(c *applet.Call, o *applet.Options, all [][]byte, end byte) error {
	var out bytes.Buffer
	for _, line := range all {
		out.Write(line)
		out.WriteByte(end)
	}
	if o.Has("o") {
		return applet.At(o.Get("o"), os.WriteFile(c.Path(o.Get("o")), out.Bytes(), 0o666))
	}
	_, err := c.Stdout.Write(out.Bytes())
	return err
}

// parseKey reads F[.C][OPTS][,F[.C][OPTS]].
func (s *sorter) parseKey(text string) (sortKey, error) {
	var k sortKey
	from, to, ranged := strings.Cut(text, ",")
	var how1, how2 string
	var ok1, ok2 bool
	k.field, k.char, how1, ok1 = parseKeyPos(from, 1)
	ok2 = true
	if ranged {
		k.endField, k.endChar, how2, ok2 = parseKeyPos(to, 0)
	}
	if !ok1 || !ok2 || k.field < 1 || k.char < 1 {
		return k, applet.Usagef("invalid key '%s'", text)
	}
	if k.how = how1 + how2; k.how == "" {
		k.how = s.how
	}
	return k, nil
}

func parseKeyPos(text string, char int) (int, int, string, bool) {
	number := strings.TrimRight(text, "bdfghnrV")
	how := text[len(number):]
	fieldText, charText, dotted := strings.Cut(number, ".")
	field, err := strconv.Atoi(fieldText)
	if dotted && err == nil {
		char, err = strconv.Atoi(charText)
	}
	return field, char, how, err == nil
}

func (s *sorter) compare(a, b []byte) int {
	if len(s.keys) == 0 {
		if n := compareAs(s.how, a, b); n != 0 || !s.last {
			return n
		}
	}
	for _, k := range s.keys {
		if n := compareAs(k.how, s.extract(k, a), s.extract(k, b)); n != 0 {
			return n
		}
	}
	if !s.last {
		return 0
	}
	n := bytes.Compare(a, b)
	if strings.Contains(s.how, "r") {
		return -n
	}
	return n
}

// extract cuts a key out of a line.
func (s *sorter) extract(k sortKey, line []byte) []byte {
	blanks := strings.Contains(k.how, "b") || strings.ContainsAny(k.how, "ngh")
	from, _ := s.field(line, k.field)
	if blanks {
		from = skipBlanks(line, from)
	}
	from = min(from+k.char-1, len(line))
	to := len(line)
	if k.endField > 0 {
		start, end := s.field(line, k.endField)
		to = end
		if k.endChar > 0 {
			if blanks {
				start = skipBlanks(line, start)
			}
			to = min(start+k.endChar, len(line))
		}
	}
	return line[from:max(from, to)]
}

func skipBlanks(line []byte, at int) int {
	for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
		at++
	}
	return at
}

// field is where a field starts and ends. Without -t, the blanks before a field belong to it.
func (s *sorter) field(line []byte, n int) (start, end int) {
	for i := 1; ; i++ {
		end = start
		if len(s.sep) > 0 {
			if j := bytes.Index(line[start:], s.sep); j >= 0 {
				end = start + j
			} else {
				end = len(line)
			}
		} else {
			for end = skipBlanks(line, start); end < len(line) && line[end] != ' ' && line[end] != '\t'; {
				end++
			}
		}
		if i == n {
			return start, end
		}
		if end >= len(line) {
			return len(line), len(line)
		}
		start = end + len(s.sep)
	}
}

func compareAs(how string, a, b []byte) int {
	n := 0
	switch {
	case strings.Contains(how, "n"):
		n = compareNumbers(a, b)
	case strings.Contains(how, "h"):
		n = cmp.Compare(humanValue(a), humanValue(b))
	case strings.Contains(how, "g"):
		n = cmp.Compare(generalValue(a), generalValue(b))
	case strings.Contains(how, "V"):
		n = compareVersions(string(a), string(b))
	default:
		n = bytes.Compare(normalize(how, a), normalize(how, b))
	}
	if strings.Contains(how, "r") {
		return -n
	}
	return n
}

func normalize(how string, text []byte) []byte {
	if strings.Contains(how, "b") {
		text = bytes.TrimLeft(text, " \t")
	}
	if strings.Contains(how, "d") {
		text = bytes.Map(func(r rune) rune {
			if r == ' ' || r == '\t' || r < 128 && (isDigit(byte(r)) || isLower(byte(r)) || isUpper(byte(r))) {
				return r
			}
			return -1
		}, text)
	}
	if strings.Contains(how, "f") {
		text = bytes.ToUpper(text)
	}
	return text
}

// leadingNumber is the number that a line starts with, "" if none.
func leadingNumber(text []byte) string {
	text = bytes.TrimLeft(text, " \t")
	end := 0
	if end < len(text) && text[end] == '-' {
		end++
	}
	dot := false
	for end < len(text) && (isDigit(text[end]) || text[end] == '.' && !dot) {
		dot = dot || text[end] == '.'
		end++
	}
	return string(text[:end])
}

// compareNumbers compares exactly, however long the numbers are.
func compareNumbers(a, b []byte) int {
	x, y := leadingNumber(a), leadingNumber(b)
	if len(x) < 16 && len(y) < 16 {
		f, _ := strconv.ParseFloat(x, 64)
		g, _ := strconv.ParseFloat(y, 64)
		return cmp.Compare(f, g)
	}
	f, okF := new(big.Rat).SetString(x)
	g, okG := new(big.Rat).SetString(y)
	if !okF {
		f = new(big.Rat)
	}
	if !okG {
		g = new(big.Rat)
	}
	return f.Cmp(g)
}

func humanValue(text []byte) float64 {
	number := leadingNumber(text)
	value, _ := strconv.ParseFloat(number, 64)
	rest := bytes.TrimLeft(text, " \t")[len(number):]
	if len(rest) > 0 {
		for range strings.IndexByte("KMGTPE", bytes.ToUpper(rest[:1])[0]) + 1 {
			value *= 1024
		}
	}
	return value
}

func generalValue(text []byte) float64 {
	fields := bytes.Fields(text)
	if len(fields) == 0 {
		return 0
	}
	value, _ := strconv.ParseFloat(string(fields[0]), 64)
	return value
}

// compareVersions compares runs of digits as numbers, and what stands between them as text.
func compareVersions(a, b string) int {
	for a != "" && b != "" {
		i, j := strings.IndexAny(a+"0", "0123456789"), strings.IndexAny(b+"0", "0123456789")
		if c := strings.Compare(a[:i], b[:j]); c != 0 {
			return c
		}
		a, b = a[i:], b[j:]
		x, y := strings.TrimLeft(a, "0123456789"), strings.TrimLeft(b, "0123456789")
		n, m := strings.TrimLeft(a[:len(a)-len(x)], "0"), strings.TrimLeft(b[:len(b)-len(y)], "0")
		if c := cmp.Or(cmp.Compare(len(n), len(m)), strings.Compare(n, m)); c != 0 {
			return c
		}
		a, b = x, y
	}
	return cmp.Compare(len(a), len(b))
}
