package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// packer is one run of gzip, gunzip, zcat, bunzip2 or bzcat.
type packer struct {
	c                                                     *applet.Call
	codec                                                 codec
	unpack, toOutput, force, keep, nameless, test, chatty bool
	level                                                 int
}

// gzipWarning is the status if files were left as they are for a reason that is no failure.
const gzipWarning = 2

type warning string

func (w warning) Error() string { return string(w) }

func compress(c *applet.Call) error {
	o, err := c.Options("c,stdout,to-stdout d,decompress,uncompress f,force k,keep n,no-name q,quiet t,test v,verbose " +
		"1,fast 2 3 4 5 6 7 8 9,best")
	if err != nil {
		return err
	}
	p := &packer{
		c: c, codec: gz, unpack: o.Has("d") || c.Name != "gzip", toOutput: o.Has("c") || strings.HasSuffix(c.Name, "cat"),
		force: o.Has("f"), keep: o.Has("k"), nameless: o.Has("n"), test: o.Has("t"), chatty: o.Has("v"), level: 6,
	}
	if strings.HasPrefix(c.Name, "b") {
		p.codec = bz2
	}
	for level := 1; level <= 9; level++ {
		if o.Has(fmt.Sprint(level)) {
			p.level = level
		}
	}
	names := o.Args
	if len(names) == 0 {
		names = []string{"-"}
	}
	left := true // nothing worse than a file that was left as it is
	for _, name := range names {
		err := p.one(name)
		if err != nil {
			c.Warn(applet.At(name, err))
			left = left && errors.As(err, new(warning))
		}
	}
	if c.Failed() && left {
		return applet.Exit(gzipWarning)
	}
	return nil
}

func (p *packer) one(name string) error {
	if name == "-" {
		return p.stream(p.c.Stdin, p.c.Stdout, nil)
	}
	if p.unpack && !strings.Contains(name, ".") {
		if _, err := os.Lstat(p.c.Path(name)); errors.Is(err, fs.ErrNotExist) {
			name += p.suffix()
		}
	}
	in, err := os.Open(p.c.Path(name))
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return warning("is a directory -- ignored")
	case p.test:
		return p.stream(in, bufio.NewWriter(io.Discard), info)
	case p.toOutput:
		return p.stream(in, p.c.Stdout, info)
	}
	return p.file(name, in, info)
}

func (p *packer) suffix() string {
	if p.codec == bz2 {
		return ".bz2"
	}
	return ".gz"
}

// file replaces a file by its packed or unpacked form.
func (p *packer) file(name string, in *os.File, info fs.FileInfo) error {
	target, err := p.target(name)
	if err != nil {
		return err
	}
	path := p.c.Path(target)
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if p.force {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	out, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return warning(target + " already exists; -f overwrites it")
	}
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 64<<10)
	err = errors.Join(p.stream(in, w, info), w.Flush(), out.Chmod(info.Mode().Perm()), out.Close())
	if err == nil {
		err = os.Chtimes(path, time.Time{}, info.ModTime())
	}
	if err != nil {
		os.Remove(path)
		return err
	}
	if p.chatty {
		fmt.Fprintf(p.c.Stderr, "%s:\t-- replaced with %s\n", name, target)
	}
	if p.keep {
		return nil
	}
	return os.Remove(p.c.Path(name))
}

func (p *packer) target(name string) (string, error) {
	suffix := p.suffix()
	switch {
	case !p.unpack && strings.HasSuffix(name, suffix) && !p.force:
		return "", warning("already has " + suffix + " suffix -- unchanged")
	case !p.unpack:
		return name + suffix, nil
	case strings.HasSuffix(name, suffix):
		return strings.TrimSuffix(name, suffix), nil
	case strings.HasSuffix(name, ".tgz"), strings.HasSuffix(name, ".tbz"):
		return name[:len(name)-3] + "tar", nil
	}
	return "", warning("unknown suffix -- ignored")
}

// stream packs or unpacks. info is the file's, if it is one: gzip keeps its name and time.
func (p *packer) stream(in io.Reader, out *bufio.Writer, info fs.FileInfo) error {
	if p.unpack || p.test {
		br := bufio.NewReaderSize(in, 64<<10)
		codec := p.codec
		if p.force && p.toOutput && detect(br) == none {
			codec = none // zcat -f passes on what is not packed
		}
		r, err := codec.reader(br)
		if err != nil {
			return err
		}
		defer r.Close()
		if p.test {
			_, err = io.Copy(io.Discard, r)
		} else {
			_, err = io.Copy(out, r)
		}
		return err
	}
	zw, err := gzip.NewWriterLevel(out, p.level)
	if err != nil {
		return err
	}
	if info != nil && !p.nameless {
		zw.Name, zw.ModTime = info.Name(), info.ModTime()
	}
	_, err = io.Copy(zw, in)
	return errors.Join(err, zw.Close())
}
