package text

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

const sumUsage = "[-b] [-t] [FILE…] | -c [--status] [--quiet] [FILE…]"

func sum(c *applet.Call) error {
	o, err := c.Options("b,binary t,text c,check s,status quiet w,warn")
	if err != nil {
		return err
	}
	newHash := map[string]func() hash.Hash{
		"md5sum": md5.New, "sha1sum": sha1.New, "sha256sum": sha256.New, "sha512sum": sha512.New,
	}[c.Name]
	if o.Has("c") {
		return c.EachInput(o.Args, func(name string, r io.Reader) error { return checkSums(c, o, newHash, name, r) })
	}
	return c.EachInput(o.Args, func(name string, r io.Reader) error {
		h := newHash()
		if _, err := io.Copy(h, r); err != nil {
			return err
		}
		mark := ' '
		if o.Has("b") {
			mark = '*'
		}
		fmt.Fprintf(c.Stdout, "%x %c%s\n", h.Sum(nil), mark, name)
		return nil
	})
}

func checkSums(c *applet.Call, o *applet.Options, newHash func() hash.Hash, list string, r io.Reader) error {
	good, bad, unreadable := 0, 0, 0
	err := eachLine(r, '\n', func(line []byte, _ bool) bool {
		digest, name, found := strings.Cut(string(line), " ")
		want, err := hex.DecodeString(digest)
		h := newHash()
		if !found || err != nil || len(want) != h.Size() || name == "" {
			return true
		}
		name = name[1:]
		f, err := c.Open(name)
		if err == nil {
			_, err = io.Copy(h, f)
			f.Close()
		}
		verdict := "OK"
		switch {
		case err != nil:
			c.Warn(err)
			verdict = "FAILED open or read"
			unreadable++
		case !bytes.Equal(h.Sum(nil), want):
			verdict = "FAILED"
			bad++
		default:
			good++
		}
		if !o.Has("s") && (verdict != "OK" || !o.Has("quiet")) {
			fmt.Fprintf(c.Stdout, "%s: %s\n", name, verdict)
		}
		return true
	})
	switch {
	case err != nil:
		return err
	case good+bad+unreadable == 0:
		return errors.New("no properly formatted checksum lines found")
	case bad > 0 && !o.Has("s"):
		c.Stdout.Flush()
		fmt.Fprintf(c.Stderr, "%s: WARNING: %d computed checksum did NOT match\n", c.Name, bad)
	}
	if bad+unreadable > 0 {
		c.Fail()
	}
	return nil
}

func base64Applet(c *applet.Call) error {
	o, err := c.Options("d,decode i,ignore-garbage w,wrap:")
	if err != nil {
		return err
	}
	columns := 76
	if o.Has("w") {
		if columns, err = strconv.Atoi(o.Get("w")); err != nil || columns < 0 {
			return applet.Usagef("invalid wrap size '%s'", o.Get("w"))
		}
	}
	if len(o.Args) > 1 {
		return applet.Usagef("one file at most")
	}
	return c.EachInput(o.Args, func(_ string, r io.Reader) error {
		if o.Has("d") {
			if o.Has("i") {
				r = &alphabetOnly{r}
			}
			_, err := io.Copy(c.Stdout, base64.NewDecoder(base64.StdEncoding, r))
			if err != nil && !errors.Is(err, os.ErrClosed) {
				return errors.New("invalid input")
			}
			return nil
		}
		w := &wrapper{w: c.Stdout, columns: columns}
		enc := base64.NewEncoder(base64.StdEncoding, w)
		if _, err := io.Copy(enc, r); err != nil {
			return err
		}
		if err := enc.Close(); err != nil {
			return err
		}
		if w.col > 0 && columns > 0 {
			return c.Stdout.WriteByte('\n')
		}
		return nil
	})
}

// alphabetOnly drops what is not base64.
type alphabetOnly struct{ r io.Reader }

func (a *alphabetOnly) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	kept := p[:0]
	for _, b := range p[:n] {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("+/=", b) >= 0 {
			kept = append(kept, b)
		}
	}
	return len(kept), err
}

// wrapper breaks lines.
type wrapper struct {
	w            *bufio.Writer
	columns, col int
}

func (w *wrapper) Write(p []byte) (int, error) {
	for _, b := range p {
		w.w.WriteByte(b)
		if w.col++; w.col == w.columns {
			w.w.WriteByte('\n')
			w.col = 0
		}
	}
	return len(p), nil
}

func cmpFiles(c *applet.Call) error {
	o, err := c.Options("s,quiet,silent")
	if err != nil {
		return err
	}
	if len(o.Args) != 2 {
		return applet.Usagef("two files are needed")
	}
	var in [2]*bufio.Reader
	for i, name := range o.Args {
		f, err := c.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in[i] = bufio.NewReader(f)
	}
	for at, line := 1, 1; ; at++ {
		a, errA := in[0].ReadByte()
		b, errB := in[1].ReadByte()
		switch {
		case errA != nil && errB != nil:
			return nil
		case errA != nil || errB != nil:
			short := o.Args[0]
			if errB != nil {
				short = o.Args[1]
			}
			if !o.Has("s") {
				fmt.Fprintf(c.Stderr, "cmp: EOF on %s after byte %d\n", short, at-1)
			}
			return applet.Exit(1)
		case a != b:
			if !o.Has("s") {
				fmt.Fprintf(c.Stdout, "%s %s differ: char %d, line %d\n", o.Args[0], o.Args[1], at, line)
			}
			return applet.Exit(1)
		case a == '\n':
			line++
		}
	}
}
