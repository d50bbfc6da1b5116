package archive

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

const tarUsage = "-c|-x|-t [-f FILE] [-C DIR] [-ahjkmOopvz] [--zstd] [--strip-components=N] [--exclude=GLOB] [-X FILE] " +
	"[-T FILE] [--null] [--owner=USER] [--group=GROUP] [--numeric-owner] [--mtime=TIME] [--format=FORMAT] [--sort=name] [FILE…]"

// archiver is one run of tar.
type archiver struct {
	c        *applet.Call
	o        *applet.Options
	exclude  []*pattern
	members  []string // what to unpack or list; all if empty
	matched  map[string]bool
	strip    int
	unpacker *unpacker
	say      io.Writer // where -v prints, as the archive may go to the standard output
}

func tarApplet(c *applet.Call) error {
	args, err := oldOptions(c.Args)
	if err != nil {
		return err
	}
	c.Args = args
	o, err := c.Options("A,catenate,concatenate c,create d,diff r,append t,list u,update x,extract,get " +
		"a,auto-compress C,directory: f,file: h,dereference j,bzip2 J,xz k,keep-old-files m,touch O,to-stdout " +
		"o,no-same-owner same-owner no-same-permissions p,preserve-permissions,same-permissions v,verbose z,gzip,gunzip zstd " +
		"strip-components: exclude: X,exclude-from: T,files-from: null owner: group: numeric-owner mtime: format: sort: " +
		"no-recursion wildcards no-wildcards overwrite one-file-system warning:")
	if err != nil {
		return err
	}
	a := &archiver{c: c, o: o, matched: map[string]bool{}, say: c.Stdout}
	if err := a.setUp(); err != nil {
		return err
	}
	switch mode := modeOf(o); mode {
	case "c":
		return a.create()
	case "x":
		a.unpacker = a.newUnpacker()
		defer a.unpacker.finish()
		return a.read(a.extract)
	case "t":
		return a.read(a.list)
	case "":
		return applet.Usagef("one of -c, -x and -t is needed")
	default:
		return applet.Usagef("-%s is not there; only one of -c, -x and -t", mode)
	}
}

func modeOf(o *applet.Options) string {
	var modes string
	for _, mode := range []string{"A", "c", "d", "r", "t", "u", "x"} {
		if o.Has(mode) {
			modes += mode
		}
	}
	return modes
}

// oldOptions turns "xzf FILE" into "-x -z -f FILE".
func oldOptions(args []string) ([]string, error) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return args, nil
	}
	var out []string
	rest := args[1:]
	for _, letter := range args[0] {
		out = append(out, "-"+string(letter))
		if !strings.ContainsRune("fCTX", letter) {
			continue
		}
		if len(rest) == 0 {
			return nil, applet.Usagef("option '%c' needs a value", letter)
		}
		out, rest = append(out, rest[0]), rest[1:]
	}
	return append(out, rest...), nil
}

func (a *archiver) setUp() (err error) {
	o := a.o
	if o.Has("strip-components") {
		if a.strip, err = strconv.Atoi(o.Get("strip-components")); err != nil || a.strip < 0 {
			return applet.Usagef("invalid number '%s'", o.Get("strip-components"))
		}
	}
	if o.Has("sort") && o.Get("sort") != "name" && o.Get("sort") != "none" {
		return applet.Usagef("--sort=%s is not known; only name, which is always done", o.Get("sort"))
	}
	globs := o.All("exclude")
	for _, file := range o.All("X") {
		lines, err := a.lines(file, "\n")
		if err != nil {
			return err
		}
		globs = append(globs, lines...)
	}
	for _, glob := range globs {
		a.exclude = append(a.exclude, newPattern(glob, true))
	}
	return nil
}

// lines reads a list of names.
func (a *archiver) lines(file, end string) ([]string, error) {
	r, err := a.c.Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, applet.At(file, err)
	}
	var list []string
	for line := range strings.SplitSeq(string(text), end) {
		if line != "" {
			list = append(list, line)
		}
	}
	return list, nil
}

// listed are the names that -T gives.
func (a *archiver) listed() ([]string, error) {
	end := "\n"
	if a.o.Has("null") {
		end = "\x00"
	}
	var all []string
	for _, file := range a.o.All("T") {
		names, err := a.lines(file, end)
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	return all, nil
}

func (a *archiver) excluded(name string) bool {
	for _, p := range a.exclude {
		if p.match(name) {
			return true
		}
	}
	return false
}

// read opens the archive and calls do for every member that was asked for.
func (a *archiver) read(do func(*tar.Reader, *tar.Header) error) error {
	names, err := a.listed()
	if err != nil {
		return err
	}
	a.members = append(a.o.Args, names...)
	in := io.Reader(a.c.Stdin)
	if name := a.o.Get("f"); name != "" && name != "-" {
		f, err := os.Open(a.c.Path(name))
		if err != nil {
			return applet.At(name, err)
		}
		defer f.Close()
		in = f
	}
	br := bufio.NewReaderSize(in, 64<<10)
	r, err := a.packed(detect(br)).reader(br)
	if err != nil {
		return err
	}
	defer r.Close()
	return a.eachMember(tar.NewReader(r), do)
}

// packed is the form of the archive: what it is by its first bytes, else what the options say.
func (a *archiver) packed(found codec) codec {
	for option, codec := range map[string]codec{"z": gz, "j": bz2, "zstd": zst, "J": xzFmt} {
		if found == none && a.o.Has(option) {
			return codec
		}
	}
	return found
}

func (a *archiver) eachMember(tr *tar.Reader, do func(*tar.Reader, *tar.Header) error) error {
	count := 0
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, tar.ErrHeader) && count == 0 {
			return errors.New("this does not look like a tar archive")
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		count++
		if !a.wanted(h.Name) || a.excluded(h.Name) {
			continue
		}
		if err := do(tr, h); err != nil {
			a.c.Warn(applet.At(h.Name, err))
		}
	}
	for _, member := range a.members {
		if !a.matched[member] {
			a.c.Warn(fmt.Errorf("%s: Not found in archive", member))
		}
	}
	return nil
}

func (a *archiver) wanted(name string) bool {
	if len(a.members) == 0 {
		return true
	}
	found := false
	for _, member := range a.members {
		plain := strings.TrimRight(member, "/")
		hit := name == plain || strings.HasPrefix(name, plain+"/")
		if a.o.Has("wildcards") {
			hit = newPattern(plain, false).match(name)
		}
		if hit {
			found, a.matched[member] = true, true
		}
	}
	return found
}

// list is -t.
func (a *archiver) list(_ *tar.Reader, h *tar.Header) error {
	if !a.o.Has("v") {
		fmt.Fprintln(a.c.Stdout, h.Name)
		return nil
	}
	fmt.Fprintln(a.c.Stdout, a.longLine(h))
	return nil
}

// longLine describes a member as ls -l does.
func (a *archiver) longLine(h *tar.Header) string {
	kind := map[byte]string{
		tar.TypeDir: "d", tar.TypeSymlink: "l", tar.TypeLink: "h", tar.TypeChar: "c",
		tar.TypeBlock: "b", tar.TypeFifo: "p",
	}[h.Typeflag]
	if kind == "" {
		kind = "-"
	}
	user, group := h.Uname, h.Gname
	if user == "" || a.o.Has("numeric-owner") {
		user = strconv.Itoa(h.Uid)
	}
	if group == "" || a.o.Has("numeric-owner") {
		group = strconv.Itoa(h.Gid)
	}
	size := strconv.FormatInt(h.Size, 10)
	if h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock {
		size = fmt.Sprintf("%d,%d", h.Devmajor, h.Devminor)
	}
	width := max(19, len(user)+len(group)+2+len(size)) - len(user) - len(group) - 2
	line := fmt.Sprintf("%s%s %s/%s %*s %s %s", kind, applet.Permissions(uint32(h.Mode)), user, group, width, size,
		h.ModTime.In(a.c.Location()).Format("2006-01-02 15:04"), h.Name)
	switch h.Typeflag {
	case tar.TypeSymlink:
		line += " -> " + h.Linkname
	case tar.TypeLink:
		line += " link to " + h.Linkname
	}
	return line
}

// time is --mtime's, if it was given.
func (a *archiver) time() (t time.Time, given bool, err error) {
	if !a.o.Has("mtime") {
		return t, false, nil
	}
	t, err = applet.ParseTime(a.o.Get("mtime"), a.c.Location())
	return t, true, err
}
