package files

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// finder walks trees and asks its expression about every file.
type finder struct {
	c        *applet.Call
	test     test
	minDepth int
	maxDepth int // -1: none
	depth    bool
	oneFS    bool
	follow   follow
	batches  []*batch
	acts     bool // the expression prints or does something, so that -print is not added
	stopped  bool
}

// found is the file at hand.
type found struct {
	name  string // as printed
	root  string // the operand that it was found under
	level int
	info  fs.FileInfo
	prune bool
}

// test is a part of the expression: it may act, and says whether it holds.
type test func(*found) bool

func find(c *applet.Call) error {
	f := &finder{c: c, maxDepth: -1}
	args := c.Args
	for len(args) > 0 && slices.Contains([]string{"-H", "-L", "-P"}, args[0]) {
		f.follow = map[string]follow{"-H": followNamed, "-L": followAll}[args[0]]
		args = args[1:]
	}
	split := len(args)
	for i, arg := range args {
		if strings.HasPrefix(arg, "-") && len(arg) > 1 || arg == "(" || arg == "!" {
			split = i
			break
		}
	}
	roots := args[:split]
	if len(roots) == 0 {
		roots = []string{"."}
	}
	p := &findParser{f: f, args: args[split:]}
	if err := p.parse(); err != nil {
		return err
	}
	for _, root := range roots {
		f.walk(&found{name: root, root: root}, 0)
	}
	for _, b := range f.batches {
		b.run(c)
	}
	return nil
}

func (f *finder) walk(at *found, dev uint64) {
	if f.stopped {
		return
	}
	path := f.c.Path(at.name)
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 && (f.follow == followAll || f.follow == followNamed && at.level == 0) {
		if target, statErr := os.Stat(path); statErr == nil {
			info = target
		}
	}
	if err != nil {
		f.c.Warn(applet.At(fmt.Sprintf("'%s'", at.name), err))
		return
	}
	at.info = info
	if !f.depth {
		f.visit(at)
	}
	if info.IsDir() && !at.prune && (f.maxDepth < 0 || at.level < f.maxDepth) && (at.level == 0 || !f.oneFS || inodeOf(info).dev == dev) {
		f.descend(at)
	}
	if f.depth {
		f.visit(at)
	}
}

func (f *finder) descend(at *found) {
	entries, err := os.ReadDir(f.c.Path(at.name))
	if err != nil {
		f.c.Warn(applet.At(fmt.Sprintf("'%s'", at.name), err))
	}
	prefix := at.name
	if !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	for _, e := range entries {
		f.walk(&found{name: prefix + e.Name(), root: at.root, level: at.level + 1}, inodeOf(at.info).dev)
	}
}

func (f *finder) visit(at *found) {
	if at.level >= f.minDepth && !f.stopped {
		f.test(at)
	}
}

// batch collects files for one run of "-exec … {} +".
type batch struct {
	argv  []string
	files []string
	size  int
}

// maxBatch keeps a command line well under the kernel's limit for arguments.
const maxBatch = 100 << 10

func (b *batch) add(c *applet.Call, name string) {
	b.files = append(b.files, name)
	if b.size += len(name) + 9; b.size > maxBatch {
		b.run(c)
	}
}

func (b *batch) run(c *applet.Call) {
	if len(b.files) == 0 {
		return
	}
	status, err := c.Spawn(append(slices.Clone(b.argv), b.files...), c.Environ, nil)
	b.files, b.size = nil, 0
	if err != nil {
		c.Warn(err)
	} else if status != 0 {
		c.Fail()
	}
}
