package archive

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

type inode struct{ dev, ino uint64 }

// writer is tar -c.
type writer struct {
	*archiver
	tw      *tar.Writer
	dir     string           // -C, as it stands for the operand at hand
	linked  map[inode]string // names of files that have several
	archive inode            // the archive itself
	mtime   time.Time
	owner   *account
	group   *account
	format  tar.Format
	warned  bool
}

// account is a name and number that --owner or --group gives.
type account struct {
	name string
	id   int
}

func (a *archiver) create() error {
	names, err := a.listed()
	if err != nil {
		return err
	}
	if len(a.o.Args)+len(names) == 0 && !a.o.Has("T") {
		return applet.Usagef("an empty archive is not made")
	}
	w := &writer{archiver: a, linked: map[inode]string{}}
	if err := w.settings(); err != nil {
		return err
	}
	out, err := w.open()
	if err != nil {
		return err
	}
	bw := bufio.NewWriterSize(out, 64<<10)
	zw, err := a.target().writer(bw, 6)
	if err != nil {
		return err
	}
	records := &recordWriter{w: zw}
	w.tw = tar.NewWriter(records)
	w.operands(append(append([]string{}, a.o.Args...), names...))
	return errors.Join(w.tw.Close(), records.fill(), zw.Close(), bw.Flush(), out.Close())
}

// recordWriter fills an archive up to a whole number of records of 10 KiB, as tar always has:
// some readers want it, and the same files give the same bytes as GNU's.
type recordWriter struct {
	w     io.Writer
	total int64
}

const recordSize = 20 * 512

func (r *recordWriter) Write(p []byte) (int, error) {
	n, err := r.w.Write(p)
	r.total += int64(n)
	return n, err
}

func (r *recordWriter) fill() error {
	rest := (recordSize - r.total%recordSize) % recordSize
	_, err := r.w.Write(make([]byte, rest))
	return err
}

// target is the form of compression of a new archive.
func (a *archiver) target() codec {
	switch {
	case a.packed(none) != none:
		return a.packed(none)
	case a.o.Has("a"):
		return byName(a.o.Get("f"))
	}
	return none
}

func (w *writer) open() (io.WriteCloser, error) {
	name := w.o.Get("f")
	if name == "" || name == "-" {
		w.say = w.c.Stderr
		return nopWriteCloser{w.c.Out}, nil
	}
	f, err := os.Create(w.c.Path(name))
	if err != nil {
		return nil, applet.At(name, err)
	}
	if info, err := f.Stat(); err == nil {
		w.archive = inodeOf(info)
	}
	return f, nil
}

func inodeOf(info fs.FileInfo) inode {
	st := info.Sys().(*syscall.Stat_t)
	return inode{uint64(st.Dev), st.Ino}
}

func (w *writer) settings() (err error) {
	var given bool
	if w.mtime, given, err = w.time(); err != nil {
		return err
	}
	if !given {
		w.mtime = time.Time{}
	}
	if w.owner, err = accountOption(w.o.Get("owner"), applet.UserID); err != nil {
		return err
	}
	if w.group, err = accountOption(w.o.Get("group"), applet.GroupID); err != nil {
		return err
	}
	formats := map[string]tar.Format{
		"": tar.FormatGNU, "gnu": tar.FormatGNU, "pax": tar.FormatPAX, "posix": tar.FormatPAX, "ustar": tar.FormatUSTAR,
	}
	var known bool
	if w.format, known = formats[w.o.Get("format")]; !known {
		return applet.Usagef("unknown format '%s'", w.o.Get("format"))
	}
	return nil
}

// accountOption reads "NAME", "NUMBER" and "NAME:NUMBER".
func accountOption(text string, number func(string) (int, error)) (*account, error) {
	if text == "" {
		return nil, nil
	}
	name, id, both := strings.Cut(text, ":")
	if both {
		n, err := strconv.ParseUint(id, 10, 31)
		return &account{name, int(n)}, err
	}
	n, err := number(text)
	if _, numErr := strconv.Atoi(text); numErr == nil {
		name = ""
	}
	return &account{name, n}, err
}

// operands adds the files. Each -C counts for what stands after it, and starts from the one
// before.
func (w *writer) operands(names []string) {
	folders, before := w.o.All("C"), w.o.Before("C")
	for i, name := range names {
		for len(before) > 0 && before[0] <= i {
			w.dir = under(w.dir, folders[0])
			folders, before = folders[1:], before[1:]
		}
		w.add(name, 0)
	}
}

func under(dir, name string) string {
	if dir == "" || strings.HasPrefix(name, "/") {
		return name
	}
	return strings.TrimRight(dir, "/") + "/" + name
}

// add adds a file, and what is in it if it is a folder. What fails is reported and left out.
func (w *writer) add(name string, device uint64) {
	if w.excluded(name) {
		return
	}
	path := w.c.Path(under(w.dir, name))
	stat := os.Lstat
	if w.o.Has("h") {
		stat = os.Stat
	}
	info, err := stat(path)
	if err != nil {
		w.c.Warn(applet.At(name, err))
		return
	}
	id := inodeOf(info)
	switch {
	case id == w.archive:
		fmt.Fprintf(w.c.Stderr, "tar: %s: file is the archive; not dumped\n", name)
		return
	case info.Mode()&fs.ModeSocket != 0:
		fmt.Fprintf(w.c.Stderr, "tar: %s: socket ignored\n", name)
		return
	case w.o.Has("one-file-system") && device != 0 && id.dev != device:
		return
	}
	if err := w.member(name, path, info); err != nil {
		w.c.Warn(applet.At(name, err))
	}
	if !info.IsDir() || w.o.Has("no-recursion") {
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		w.c.Warn(applet.At(name, err))
	}
	for _, e := range entries {
		w.add(strings.TrimRight(name, "/")+"/"+e.Name(), id.dev)
	}
}

func (w *writer) member(name, path string, info fs.FileInfo) error {
	h, err := w.header(name, path, info)
	if err != nil || h.Name == "" {
		return err
	}
	var content *os.File
	if h.Typeflag == tar.TypeReg {
		// Opened before the header is written, so that a file that cannot be read leaves no trace.
		if content, err = os.Open(path); err != nil {
			return err
		}
		defer content.Close()
	}
	if err := w.tw.WriteHeader(h); err != nil {
		return err
	}
	if w.o.Has("v") {
		fmt.Fprintln(w.say, name+strings.Repeat("/", len(h.Name)-len(strings.TrimRight(h.Name, "/"))))
	}
	if content == nil {
		return nil
	}
	n, err := io.Copy(w.tw, io.LimitReader(content, h.Size))
	if err == nil && n < h.Size {
		// The header has promised more: the archive stays readable only with zeros.
		_, err = io.CopyN(w.tw, zeros{}, h.Size-n)
		err = errors.Join(fmt.Errorf("the file shrank by %d bytes; they are zeros now", h.Size-n), err)
	}
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (w *writer) header(name, path string, info fs.FileInfo) (*tar.Header, error) {
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if target, err = os.Readlink(path); err != nil {
			return nil, err
		}
	}
	st := info.Sys().(*syscall.Stat_t)
	h := &tar.Header{
		Format: w.format, Name: w.memberName(name), Linkname: target, Mode: int64(st.Mode & 0o7777),
		Uid: int(st.Uid), Gid: int(st.Gid), ModTime: info.ModTime(), Typeflag: tar.TypeReg,
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		h.Typeflag = tar.TypeDir
		if h.Name != "" {
			h.Name = strings.TrimRight(h.Name, "/") + "/"
		}
	case syscall.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
	case syscall.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case syscall.S_IFCHR, syscall.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if st.Mode&syscall.S_IFMT == syscall.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
	default:
		h.Size = st.Size
	}
	if id := inodeOf(info); st.Nlink > 1 && !info.IsDir() {
		if first, seen := w.linked[id]; seen {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		}
		w.linked[id] = h.Name
	}
	w.override(h, st)
	return h, nil
}

// override names the owners and applies --owner, --group and --mtime.
func (w *writer) override(h *tar.Header, st *syscall.Stat_t) {
	if !w.mtime.IsZero() {
		h.ModTime = w.mtime
	}
	if !w.o.Has("format") || w.o.Get("format") != "pax" && w.o.Get("format") != "posix" {
		h.ModTime = h.ModTime.Truncate(time.Second)
	}
	named := func(id uint32, name func(uint32) string) string {
		if text := name(id); text != strconv.FormatUint(uint64(id), 10) {
			return text
		}
		return ""
	}
	h.Uname, h.Gname = named(st.Uid, applet.UserName), named(st.Gid, applet.GroupName)
	if w.owner != nil {
		h.Uname, h.Uid = w.owner.name, w.owner.id
	}
	if w.group != nil {
		h.Gname, h.Gid = w.group.name, w.group.id
	}
	if w.o.Has("numeric-owner") {
		h.Uname, h.Gname = "", ""
	}
}

// memberName is a name without what would lead out of the folder that it is unpacked in.
func (w *writer) memberName(name string) string {
	safe := name
	if i := strings.LastIndex("/"+safe, "/../"); i >= 0 {
		safe = safe[i+3:]
	}
	safe = strings.TrimLeft(safe, "/")
	if safe == ".." {
		safe = ""
	}
	if cut := name[:len(name)-len(safe)]; cut != "" && !w.warned {
		w.warned = true
		fmt.Fprintf(w.c.Stderr, "tar: Removing leading `%s' from member names\n", cut)
	}
	if safe == "" {
		return "./"
	}
	return safe
}
