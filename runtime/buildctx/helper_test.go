package buildctx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// old is the time of what plant makes.
var old = time.Date(2021, 2, 3, 4, 5, 6, 789, time.UTC)

// plant makes a tree of a list such as
//
//	d/ 2775 3:4, d/f 600 =text, l -> d/f, h == d/f, p|
//
// a folder, a file, a symlink, a hard link and a FIFO, with mode and owner where they are not 0644, 0755
// and 0:0. Folders that are not named are made.
func plant(t testing.TB, root, list string) {
	t.Helper()
	for item := range strings.SplitSeq(list, ", ") {
		if item != "" {
			plantOne(t, root, item)
		}
	}
	must(t, filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		return errors.Join(err, setTime(p, old))
	}))
}

func plantOne(t testing.TB, root, item string) {
	t.Helper()
	name, rest, _ := strings.Cut(item, " ")
	path := filepath.Join(root, strings.TrimRight(name, "/|"))
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	attributes, text, _ := strings.Cut(rest, "=")
	mode := uint64(0o644)
	switch target, isLink := strings.CutPrefix(rest, "-> "); {
	case isLink:
		must(t, os.Symlink(target, path))
		return
	case strings.HasPrefix(rest, "== "):
		must(t, os.Link(filepath.Join(root, rest[3:]), path))
		return
	case strings.HasSuffix(name, "/"):
		mode = 0o755
		must(t, os.MkdirAll(path, 0o755))
	case strings.HasSuffix(name, "|"):
		must(t, unix.Mkfifo(path, 0o644))
	default:
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	for word := range strings.FieldsSeq(attributes) {
		if u, g, ok := strings.Cut(word, ":"); ok {
			uid, _ := strconv.Atoi(u)
			gid, _ := strconv.Atoi(g)
			must(t, os.Lchown(path, uid, gid))
			continue
		}
		var err error
		mode, err = strconv.ParseUint(word, 8, 12)
		must(t, err)
	}
	must(t, unix.Chmod(path, uint32(mode)))
}

// look lists a tree as plant takes it.
func look(t testing.TB, root string) string {
	t.Helper()
	var items []string
	first := map[uint64]string{}
	must(t, filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		name, _ := filepath.Rel(root, p)
		var st unix.Stat_t
		must(t, unix.Lstat(p, &st))
		items = append(items, lookOne(t, name, p, &st, first))
		return nil
	}))
	return strings.Join(items, ", ")
}

func lookOne(t testing.TB, name, path string, st *unix.Stat_t, first map[uint64]string) string {
	t.Helper()
	attributes := func(usual uint32) (s string) {
		if st.Mode&0o7777 != usual {
			s = fmt.Sprintf(" %o", st.Mode&0o7777)
		}
		return s + ownerOf(st)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return name + "/" + attributes(0o755)
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		must(t, err)
		return name + ownerOf(st) + " -> " + target
	case unix.S_IFIFO:
		return name + "|" + attributes(0o644)
	case unix.S_IFREG:
		if f, ok := first[st.Ino]; ok {
			return name + " == " + f
		}
		first[st.Ino] = name
		data, err := os.ReadFile(path)
		must(t, err)
		return name + attributes(0o644) + " =" + string(data)
	}
	t.Fatalf("%s: mode %o", name, st.Mode)
	return ""
}

func ownerOf(st *unix.Stat_t) string {
	if st.Uid == 0 && st.Gid == 0 {
		return ""
	}
	return fmt.Sprintf(" %d:%d", st.Uid, st.Gid)
}

func setTime(path string, to time.Time) error {
	ts := unix.NsecToTimespec(to.UnixNano())
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}

func mtime(t testing.TB, path string) time.Time {
	t.Helper()
	fi, err := os.Lstat(path)
	must(t, err)
	return fi.ModTime().UTC()
}

// folder makes a folder of mode 0755 with a tree in it.
func folder(t testing.TB, list string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	plant(t, dir, list)
	return dir
}

func openContext(t testing.TB, dir string, o Options) *Tree {
	t.Helper()
	tree, err := Open(dir, o)
	must(t, err)
	t.Cleanup(func() { tree.Close() })
	return tree
}

// A command is a line of a Dockerfile: COPY or ADD with flags, sources and a destination.
type command struct {
	find    FindOptions
	copy    CopyOptions
	stage   bool // --from
	sources []string
	dest    string
}

func parse(t testing.TB, line string) (c command) {
	t.Helper()
	words := strings.Fields(line)
	c.copy.Unpack = words[0] == "ADD"
	for words = words[1:]; strings.HasPrefix(words[0], "--"); words = words[1:] {
		switch flag, value, _ := strings.Cut(words[0], "="); flag {
		case "--from":
			c.stage = true
		case "--parents":
			c.find.Parents = true
		case "--exclude":
			c.find.Excludes = append(c.find.Excludes, value)
		case "--chmod":
			c.copy.Mode = value
		case "--chown":
			c.copy.Owner = &Owner{}
			_, err := fmt.Sscanf(value, "%d:%d", &c.copy.Owner.UID, &c.copy.Owner.GID)
			must(t, err)
		default:
			t.Fatalf("flag %s", flag)
		}
	}
	c.sources, c.dest = words[:len(words)-1], words[len(words)-1]
	return c
}

// run carries out a line.
func run(t testing.TB, src, root, line string) error {
	t.Helper()
	return runOver(t, src, root, "", line)
}

// runOver carries out a line, with what is below apart.
func runOver(t testing.TB, src, layer, below, line string) error {
	t.Helper()
	c := parse(t, line)
	opened := Root
	if !c.stage {
		opened = func(dir string) (*Tree, error) { return Open(dir, Options{}) }
	}
	tree, err := opened(src)
	must(t, err)
	defer tree.Close()
	m, err := tree.Find(c.sources, c.find)
	if err != nil {
		return err
	}
	d, err := OpenDest(layer, below)
	must(t, err)
	defer d.Close()
	return d.Copy(t.Context(), tree, m, c.dest, c.copy)
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
