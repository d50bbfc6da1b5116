package text

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

const grepUsage = "[-EFGP] [-abcHhiLlnoqRrsvwxz] [-A|-B|-C N] [-m N] [--include=GLOB] [--exclude=GLOB] [-e] PATTERN [FILE…]"

// grepper is one run of grep.
type grepper struct {
	c             *applet.Call
	o             *applet.Options
	re            *regexp.Regexp
	names         bool // each line is headed by its file
	before, after int
	max           int // -1: any number
	found         bool
	end           byte
}

func grep(c *applet.Call) error {
	o, err := c.Options("E,extended-regexp F,fixed-strings G,basic-regexp P,perl-regexp " +
		"a,text b,byte-offset c,count H,with-filename h,no-filename i,ignore-case,y L,files-without-match " +
		"l,files-with-matches n,line-number o,only-matching q,quiet,silent R,dereference-recursive r,recursive " +
		"s,no-messages v,invert-match w,word-regexp x,line-regexp z,null-data color,colour:: " +
		"A,after-context: B,before-context: C,context: e,regexp: f,file: m,max-count: include: exclude: exclude-dir:")
	if err != nil {
		return err
	}
	if when := o.Get("color"); when == "always" {
		return applet.Usagef("--color=always is not there")
	}
	g := &grepper{c: c, o: o, max: -1, end: '\n'}
	if o.Has("z") {
		g.end = 0
	}
	if err := g.numbers(); err != nil {
		return err
	}
	files, err := g.patterns()
	if err != nil {
		return err
	}
	recursive := o.Has("r") || o.Has("R")
	g.names = (len(files) > 1 || recursive || o.Has("H")) && !o.Has("h")
	switch {
	case len(files) == 0 && recursive:
		g.tree(".", "")
	case len(files) == 0:
		files = []string{"-"}
	}
	for _, name := range files {
		g.path(name, recursive)
		if g.found && o.Has("q") {
			return applet.Exit(0) // whatever could not be read before
		}
	}
	if !g.found {
		return g.none()
	}
	return nil
}

// none is the end of a grep that selected nothing: 1, or 2 after an error, which report adds.
func (g *grepper) none() error {
	if g.c.Failed() {
		return nil
	}
	return applet.Exit(1)
}

func (g *grepper) numbers() error {
	for name, into := range map[string][]*int{"A": {&g.after}, "B": {&g.before}, "m": {&g.max}} {
		if name != "m" && !g.o.Has(name) && g.o.Has("C") {
			name = "C"
		}
		if !g.o.Has(name) {
			continue
		}
		n, err := strconv.Atoi(g.o.Get(name))
		if err != nil || n < 0 {
			return applet.Usagef("invalid number '%s'", g.o.Get(name))
		}
		*into[0] = n
	}
	return nil
}

// patterns makes one expression of all patterns and returns the operands that are files.
func (g *grepper) patterns() ([]string, error) {
	o, args := g.o, g.o.Args
	texts := o.All("e")
	for _, name := range o.All("f") {
		f, err := g.c.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		err = eachLine(f, '\n', func(line []byte, _ bool) bool {
			texts = append(texts, string(line))
			return true
		})
		if err != nil {
			return nil, applet.At(name, err)
		}
	}
	if !o.Has("e") && !o.Has("f") {
		if len(args) == 0 {
			return nil, applet.Usagef("no pattern given")
		}
		texts, args = []string{args[0]}, args[1:]
	}
	var all []string
	for _, text := range texts {
		for line := range strings.SplitSeq(text, "\n") {
			part, err := g.translate(line)
			if err != nil {
				return nil, err
			}
			all = append(all, "(?:"+part+")")
		}
	}
	if len(all) == 0 {
		all = []string{`[^\x00-\x{10FFFF}]`} // an empty list of patterns matches nothing
	}
	expr := strings.Join(all, "|")
	switch {
	case o.Has("x"):
		expr = "^(?:" + expr + ")$"
	case o.Has("w"):
		expr = `(?:^|\W)(` + expr + `)(?:\W|$)`
	}
	if o.Has("i") {
		expr = "(?i)" + expr
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression '%s'", texts[0])
	}
	if !o.Has("P") {
		re.Longest()
	}
	g.re = re
	return args, nil
}

func (g *grepper) translate(pattern string) (string, error) {
	switch {
	case g.o.Has("F") || g.c.Name == "fgrep":
		return regexp.QuoteMeta(pattern), nil
	case g.o.Has("P"):
		_, err := regexp.Compile(pattern)
		return pattern, err
	}
	re, err := Compile(pattern, g.o.Has("E") || g.c.Name == "egrep", "")
	if err != nil {
		return "", err
	}
	return re.String(), nil
}

func (g *grepper) path(name string, recursive bool) {
	info, err := os.Stat(g.c.Path(name))
	if recursive && err == nil && info.IsDir() && name != "-" {
		g.tree(name, name)
		return
	}
	g.file(name)
}

// tree searches a folder; shown is its name in the output.
func (g *grepper) tree(dir, shown string) {
	entries, err := os.ReadDir(g.c.Path(dir))
	if err != nil {
		g.warn(applet.At(dir, err))
	}
	for _, e := range entries {
		name := path.Join(shown, e.Name())
		if strings.HasSuffix(shown, "/") || strings.HasPrefix(shown, "./") || shown == "." {
			name = strings.TrimSuffix(shown, "/") + "/" + e.Name()
		}
		kind := e.Type()
		if kind&fs.ModeSymlink != 0 {
			info, err := os.Stat(g.c.Path(name))
			if !g.o.Has("R") || err != nil {
				continue
			}
			kind = info.Mode().Type()
		}
		switch {
		case kind.IsDir() && !g.matches("exclude-dir", e.Name()):
			g.tree(name, name)
		case kind == 0 && !g.matches("exclude", e.Name()) && (!g.o.Has("include") || g.matches("include", e.Name())):
			g.file(name)
		}
	}
}

func (g *grepper) matches(option, name string) bool {
	for _, glob := range g.o.All(option) {
		if ok, err := filepath.Match(glob, name); ok && err == nil {
			return true
		}
	}
	return false
}

func (g *grepper) warn(err error) {
	if g.o.Has("s") {
		g.c.Fail()
		return
	}
	g.c.Warn(err)
}

func (g *grepper) file(name string) {
	if info, err := os.Stat(g.c.Path(name)); err == nil && info.IsDir() {
		g.warn(fmt.Errorf("%s: Is a directory", name))
		return
	}
	f, err := g.c.Open(name)
	if err != nil {
		g.warn(err)
		return
	}
	defer f.Close()
	if name == "-" {
		name = "(standard input)"
	}
	br := bufio.NewReaderSize(f, 64<<10)
	s := &search{g: g, name: name}
	if start, _ := br.Peek(32 << 10); g.end == '\n' && !g.o.Has("a") && bytes.IndexByte(start, 0) >= 0 {
		s.binary = true
	}
	if err := eachLine(io.Reader(br), g.end, s.line); err != nil {
		g.warn(applet.At(name, err))
	}
	s.finish()
}
