package text

import (
	"bufio"
	"bytes"
	"io"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// sedInput reads the lines of several files, and knows of each line whether it is the last.
type sedInput struct {
	c      *applet.Call
	files  []string // still to be opened
	end    byte
	open   func(name string) (io.ReadCloser, error)
	name   string
	closer io.Closer
	r      *bufio.Reader
	failed bool
}

// more reports whether the file at hand has another line.
func (in *sedInput) more() bool {
	if in.r == nil {
		return false
	}
	_, err := in.r.Peek(1)
	return err == nil
}

// advance opens the next file that has a line. An empty or unreadable one is passed over;
// passed is told of every file that is left.
func (in *sedInput) advance(passed func() error) (bool, error) {
	for !in.more() {
		if in.r != nil {
			in.close()
			if err := passed(); err != nil {
				return false, err
			}
		}
		if len(in.files) == 0 {
			return false, nil
		}
		name := in.files[0]
		in.files = in.files[1:]
		r, err := in.open(name)
		if err != nil {
			in.failed = true
			in.c.Warn(err)
			continue
		}
		in.name, in.closer, in.r = name, r, bufio.NewReaderSize(r, 64<<10)
	}
	return true, nil
}

// read reads the next line of the file at hand.
func (in *sedInput) read() (line []byte, ended bool, err error) {
	line, err = readLine(in.r, in.end)
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	text, ended := bytes.CutSuffix(line, []byte{in.end})
	return bytes.Clone(text), ended, err
}

func (in *sedInput) close() {
	in.closer.Close()
	in.r = nil
}
