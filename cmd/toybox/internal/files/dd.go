package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// ddCall is what the operands of dd ask for. Sizes are in bytes, counts in blocks.
type ddCall struct {
	in, out           string
	ibs, obs          int64
	count, skip, seek int64 // count: -1 is all
	noTrunc, sync     bool
	quiet             bool
}

func parseDD(args []string) (*ddCall, error) {
	d := &ddCall{ibs: 512, obs: 512, count: -1}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		size, sizeErr := applet.ParseSize(value)
		number := map[string][]*int64{
			"bs": {&d.ibs, &d.obs}, "ibs": {&d.ibs}, "obs": {&d.obs},
			"count": {&d.count}, "skip": {&d.skip}, "seek": {&d.seek},
		}[name]
		switch {
		case name == "if":
			d.in = value
		case name == "of":
			d.out = value
		case number != nil && sizeErr != nil:
			return nil, sizeErr
		case number != nil:
			for _, into := range number {
				*into = size
			}
		case arg == "status=none":
			d.quiet = true
		case arg == "status=noxfer":
		case arg == "conv=notrunc":
			d.noTrunc = true
		case arg == "conv=fsync":
			d.sync = true
		default:
			return nil, applet.Usagef("'%s' is not known", arg)
		}
	}
	if d.ibs < 1 || d.obs < 1 || d.ibs > 1<<30 {
		return nil, applet.Usagef("invalid size of a block")
	}
	return d, nil
}

func dd(c *applet.Call) error {
	d, err := parseDD(c.Args)
	if err != nil {
		return err
	}
	in, out := c.Stdin, c.Out
	if d.in != "" {
		f, err := os.Open(c.Path(d.in))
		if err != nil {
			return applet.At(fmt.Sprintf("failed to open '%s'", d.in), err)
		}
		defer f.Close()
		in = f
	}
	if d.out != "" {
		f, err := d.create(c)
		if err != nil {
			return applet.At(fmt.Sprintf("failed to open '%s'", d.out), err)
		}
		defer f.Close()
		out = f
	}
	if d.skip > 0 {
		if _, err := io.CopyN(io.Discard, in, d.skip*d.ibs); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	full, part, total, err := d.copy(in, out)
	if f, isFile := out.(*os.File); isFile && d.sync && err == nil {
		err = f.Sync()
	}
	if !d.quiet {
		fmt.Fprintf(c.Stderr, "%d+%d records in\n%[1]d+%[2]d records out\n%d bytes copied\n", full, part, total)
	}
	return err
}

// create opens the output: what stands after the place that seek names goes, unless it is to stay.
func (d *ddCall) create(c *applet.Call) (*os.File, error) {
	f, err := os.OpenFile(c.Path(d.out), os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	at := d.seek * d.obs
	if info, statErr := f.Stat(); statErr == nil && info.Mode().IsRegular() && !d.noTrunc {
		err = f.Truncate(at)
	}
	if err == nil && at > 0 {
		_, err = f.Seek(at, io.SeekStart)
	}
	if err != nil {
		f.Close()
	}
	return f, err
}

// copy copies block by block; a short read, as from a pipe, is a block of its own.
func (d *ddCall) copy(in io.Reader, out io.Writer) (full, part, total int64, err error) {
	block := make([]byte, d.ibs)
	for d.count < 0 || full+part < d.count {
		n, err := in.Read(block)
		if n > 0 {
			if _, err := out.Write(block[:n]); err != nil {
				return full, part, total, err
			}
			total += int64(n)
			if int64(n) == d.ibs {
				full++
			} else {
				part++
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return full, part, total, err
		}
	}
	return full, part, total, nil
}
