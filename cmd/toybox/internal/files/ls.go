package files

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// item is a file as ls shows it.
type item struct {
	name string // as shown
	path string
	info fs.FileInfo
}

// lister prints one name a line, as ls does where its output is not a terminal.
type lister struct {
	c      *applet.Call
	o      *applet.Options
	users  map[uint32]string
	groups map[uint32]string
	titles bool // several folders: each has a heading
	blank  bool // something was printed before
}

func ls(c *applet.Call) error {
	o, err := c.Options("1 A,almost-all a,all C d,directory F,classify h,human-readable i,inode l L,dereference " +
		"n,numeric-uid-gid p R,recursive r,reverse S s,size t full-time")
	if err != nil {
		return err
	}
	names := o.Args
	if len(names) == 0 {
		names = []string{"."}
	}
	l := &lister{c: c, o: o, users: map[uint32]string{}, groups: map[uint32]string{}, titles: len(names) > 1 || o.Has("R")}
	var files, dirs []item
	for _, name := range names {
		it, err := l.item(name, c.Path(name))
		// A link to a folder that is named is listed as the folder, but for -l and -F.
		if err == nil && it.info.Mode()&fs.ModeSymlink != 0 && !l.long() && !o.Has("F") && !o.Has("d") {
			if info, err := os.Stat(it.path); err == nil && info.IsDir() {
				it.info = info
			}
		}
		switch {
		case err != nil:
			c.Warn(applet.At(fmt.Sprintf("cannot access '%s'", name), err))
		case it.info.IsDir() && !o.Has("d"):
			dirs = append(dirs, it)
		default:
			files = append(files, it)
		}
	}
	l.sort(files)
	l.print(files)
	l.sort(dirs)
	for _, dir := range dirs {
		l.dir(dir)
	}
	return nil
}

func (l *lister) long() bool { return l.o.Has("l") || l.o.Has("n") || l.o.Has("full-time") }

func (l *lister) item(name, path string) (item, error) {
	info, err := os.Lstat(path)
	if l.o.Has("L") {
		if target, err := os.Stat(path); err == nil {
			info = target
		}
	}
	return item{name, path, info}, err
}

func (l *lister) dir(dir item) {
	entries, err := os.ReadDir(dir.path)
	if err != nil {
		l.c.Warn(applet.At(fmt.Sprintf("cannot open directory '%s'", dir.name), err))
		return
	}
	var items []item
	add := func(name string) {
		it, err := l.item(name, join(dir.path, name))
		if err != nil {
			l.c.Warn(applet.At(fmt.Sprintf("cannot access '%s'", join(dir.name, name)), err))
			return
		}
		items = append(items, it)
	}
	if l.o.Has("a") {
		add(".")
		add("..")
	}
	for _, e := range entries {
		if e.Name()[0] != '.' || l.o.Has("a") || l.o.Has("A") {
			add(e.Name())
		}
	}
	l.sort(items)
	if l.titles {
		if l.blank {
			fmt.Fprintln(l.c.Stdout)
		}
		fmt.Fprintf(l.c.Stdout, "%s:\n", dir.name)
	}
	if l.long() || l.o.Has("s") {
		blocks := int64(0)
		for _, it := range items {
			blocks += sysStat(it.info).Blocks
		}
		fmt.Fprintf(l.c.Stdout, "total %d\n", blocks/2)
	}
	l.blank = true
	l.print(items)
	if !l.o.Has("R") {
		return
	}
	for _, it := range items {
		if it.info.IsDir() && it.name != "." && it.name != ".." {
			it.name = join(dir.name, it.name)
			l.dir(it)
		}
	}
}

func (l *lister) sort(items []item) {
	slices.SortStableFunc(items, func(a, b item) int {
		order := 0
		switch {
		case l.o.Has("t"):
			order = b.info.ModTime().Compare(a.info.ModTime())
		case l.o.Has("S"):
			order = cmp.Compare(b.info.Size(), a.info.Size())
		}
		if order == 0 {
			order = strings.Compare(a.name, b.name)
		}
		if l.o.Has("r") {
			return -order
		}
		return order
	})
}

// print writes the items as lines of columns, each as wide as its widest cell.
func (l *lister) print(items []item) {
	if len(items) > 0 {
		l.blank = true
	}
	rows := make([][]string, len(items))
	var widths []int
	for i, it := range items {
		rows[i] = l.cells(it)
		for col, cell := range rows[i] {
			if col == len(widths) {
				widths = append(widths, 0)
			}
			widths[col] = max(widths[col], len(cell))
		}
	}
	for i, it := range items {
		for col, cell := range rows[i] {
			width := widths[col]
			if strings.HasPrefix(cell, "\t") { // names of owners stand at the left
				cell, width = cell[1:], -(width - 1)
			}
			fmt.Fprintf(l.c.Stdout, "%*s ", width, cell)
		}
		fmt.Fprintln(l.c.Stdout, l.label(it))
	}
}

// cells are what stands before the name. A tab marks those that stand at the left.
func (l *lister) cells(it item) []string {
	st := sysStat(it.info)
	var row []string
	if l.o.Has("i") {
		row = append(row, strconv.FormatUint(st.Ino, 10))
	}
	if l.o.Has("s") {
		row = append(row, strconv.FormatInt(st.Blocks/2, 10))
	}
	if !l.long() {
		return row
	}
	size := strconv.FormatInt(st.Size, 10)
	switch {
	case it.info.Mode()&fs.ModeDevice != 0:
		size = fmt.Sprintf("%d, %d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	case l.o.Has("h"):
		size = applet.HumanSize(st.Size)
	}
	return append(row, modeString(it.info), strconv.FormatUint(uint64(st.Nlink), 10),
		"\t"+l.owner(l.users, st.Uid, applet.UserName), "\t"+l.owner(l.groups, st.Gid, applet.GroupName),
		size, l.time(it.info.ModTime()))
}

func (l *lister) owner(known map[uint32]string, id uint32, name func(uint32) string) string {
	if l.o.Has("n") {
		return strconv.FormatUint(uint64(id), 10)
	}
	if _, ok := known[id]; !ok {
		known[id] = name(id)
	}
	return known[id]
}

func (l *lister) time(t time.Time) string {
	t = t.In(l.c.Location())
	age := time.Since(t)
	switch {
	case l.o.Has("full-time"):
		return t.Format("2006-01-02 15:04:05.000000000 -0700")
	case age > 182*24*time.Hour || age < 0:
		return t.Format("Jan _2  2006")
	}
	return t.Format("Jan _2 15:04")
}

func (l *lister) label(it item) string {
	label := it.name
	mode := it.info.Mode()
	if mode&fs.ModeSymlink != 0 && l.long() {
		if target, err := os.Readlink(it.path); err == nil {
			return label + " -> " + target
		}
	}
	switch {
	case mode.IsDir() && (l.o.Has("F") || l.o.Has("p")):
		return label + "/"
	case !l.o.Has("F"):
	case mode&fs.ModeSymlink != 0:
		return label + "@"
	case mode&fs.ModeNamedPipe != 0:
		return label + "|"
	case mode&fs.ModeSocket != 0:
		return label + "="
	case mode.IsRegular() && mode&0o111 != 0:
		return label + "*"
	}
	return label
}
