package files

import (
	"fmt"
	"os"
	"strconv"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// usage counts disk blocks; a file with several names counts once.
type usage struct {
	c     *applet.Call
	o     *applet.Options
	depth int
	seen  map[inode]bool
}

func du(c *applet.Call) error {
	o, err := c.Options("a,all b,bytes c,total d,max-depth: h,human-readable k m s,summarize x,one-file-system")
	if err != nil {
		return err
	}
	u := &usage{c: c, o: o, depth: -1, seen: map[inode]bool{}}
	switch {
	case o.Has("s"):
		u.depth = 0
	case o.Has("d"):
		if u.depth, err = strconv.Atoi(o.Get("d")); err != nil {
			return applet.Usagef("invalid depth '%s'", o.Get("d"))
		}
	}
	names := o.Args
	if len(names) == 0 {
		names = []string{"."}
	}
	total := int64(0)
	for _, name := range names {
		total += u.count(name, 0, 0)
	}
	if o.Has("c") {
		u.print(total, "total")
	}
	return nil
}

// count returns a tree's size in bytes.
func (u *usage) count(name string, level int, dev uint64) int64 {
	info, err := os.Lstat(u.c.Path(name))
	if err != nil {
		u.c.Warn(applet.At(fmt.Sprintf("cannot access '%s'", name), err))
		return 0
	}
	id, st := inodeOf(info), sysStat(info)
	if level > 0 && u.o.Has("x") && id.dev != dev || u.seen[id] {
		return 0
	}
	if !info.IsDir() && st.Nlink > 1 || info.IsDir() {
		u.seen[id] = true
	}
	size := st.Blocks * 512
	if u.o.Has("b") {
		size = st.Size
	}
	if info.IsDir() {
		entries, err := os.ReadDir(u.c.Path(name))
		if err != nil {
			u.c.Warn(applet.At(fmt.Sprintf("cannot read directory '%s'", name), err))
		}
		for _, e := range entries {
			size += u.count(join(name, e.Name()), level+1, id.dev)
		}
	}
	if level == 0 || (info.IsDir() || u.o.Has("a")) && (u.depth < 0 || level <= u.depth) {
		u.print(size, name)
	}
	return size
}

func (u *usage) print(size int64, name string) {
	shown := strconv.FormatInt((size+1023)/1024, 10)
	switch {
	case u.o.Has("h"):
		shown = applet.HumanSize(size)
	case u.o.Has("b"):
		shown = strconv.FormatInt(size, 10)
	case u.o.Has("m"):
		shown = strconv.FormatInt((size+1<<20-1)/(1<<20), 10)
	}
	fmt.Fprintf(u.c.Stdout, "%s\t%s\n", shown, name)
}
