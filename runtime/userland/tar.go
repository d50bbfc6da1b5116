package userland

import (
	"archive/tar"
	"fmt"
	"io"
	"time"
)

// layout is counted up whenever the files below change, so that Version changes with them.
const layout = 1

// mtime is the time of every file: the second that tar and FAT both can hold and that
// SOURCE_DATE_EPOCH users know, 1980-01-01.
var mtime = time.Unix(315532800, 0)

// entry is a file of the layer. A link target makes it a symbolic link, a trailing slash in
// the name a folder.
type entry struct {
	name, link, text string
	mode             int64
	uid              int
}

// skeleton is the layer without the binary and its links, parents first.
var skeleton = []entry{
	{name: "bin/", mode: 0o755},
	{name: "dev/", mode: 0o755},
	{name: "etc/", mode: 0o755},
	{name: "etc/group", mode: 0o644, text: `root:x:0:
tty:x:5:
users:x:100:
user:x:1000:
nogroup:x:65534:
`},
	{name: "etc/os-release", mode: 0o644, text: `NAME="shbuild toybox"
PRETTY_NAME="shbuild toybox"
ID=toybox
VERSION_ID=1
`},
	{name: "etc/passwd", mode: 0o644, text: `root:x:0:0:root:/root:/bin/sh
user:x:1000:1000:user:/home/user:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
`},
	{name: "home/", mode: 0o755},
	{name: "home/user/", mode: 0o755, uid: 1000},
	{name: "proc/", mode: 0o555},
	{name: "root/", mode: 0o700},
	{name: "run/", mode: 0o755},
	{name: "sbin", link: "bin"},
	{name: "sys/", mode: 0o555},
	{name: "tmp/", mode: 0o1777},
	{name: "usr/", mode: 0o755},
	{name: "usr/bin", link: "../bin"},
	{name: "usr/lib/", mode: 0o755},
	{name: "usr/local/", mode: 0o755},
	{name: "usr/local/bin/", mode: 0o755},
	{name: "usr/sbin", link: "../bin"},
	{name: "var/", mode: 0o755},
	{name: "var/tmp/", mode: 0o1777},
}

func writeTar(w io.Writer, binary []byte, applets [][]byte) error {
	tw := tar.NewWriter(w)
	for _, e := range skeleton {
		if err := e.write(tw); err != nil {
			return err
		}
	}
	toybox := entry{name: "bin/toybox", mode: 0o755, text: string(binary)}
	if err := toybox.write(tw); err != nil {
		return err
	}
	for _, name := range applets {
		link := entry{name: "bin/" + string(name), link: "toybox"}
		if err := link.write(tw); err != nil {
			return err
		}
	}
	return tw.Close()
}

func (e entry) write(tw *tar.Writer) error {
	h := &tar.Header{
		Format: tar.FormatUSTAR, Name: e.name, Mode: e.mode, ModTime: mtime,
		Uid: e.uid, Gid: e.uid, Size: int64(len(e.text)), Typeflag: tar.TypeReg,
	}
	switch {
	case e.link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, e.link, 0o777
	case e.name[len(e.name)-1] == '/':
		h.Typeflag = tar.TypeDir
	}
	if err := tw.WriteHeader(h); err != nil {
		return fmt.Errorf("write %s of the userland: %w", e.name, err)
	}
	if _, err := io.WriteString(tw, e.text); err != nil {
		return fmt.Errorf("write %s of the userland: %w", e.name, err)
	}
	return nil
}
