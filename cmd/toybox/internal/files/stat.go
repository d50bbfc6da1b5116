package files

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

const statReport = `  File: %N
  Size: %s	Blocks: %b	IO Block: %o	%F
Device: %d	Inode: %i	Links: %h
Access: (%04a/%A)	Uid: (%u/%U)	Gid: (%g/%G)
Access: %x
Modify: %y
Change: %z
`

func stat(c *applet.Call) error {
	o, err := c.Options("L,dereference c,format: printf:")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 {
		return applet.Usagef("no file given")
	}
	format := statReport
	switch {
	case o.Has("printf"):
		format = unescape(o.Get("printf"))
	case o.Has("c"):
		format = o.Get("c") + "\n"
	}
	get := os.Lstat
	if o.Has("L") {
		get = os.Stat
	}
	for _, name := range o.Args {
		info, err := get(c.Path(name))
		if err != nil {
			c.Warn(applet.At(fmt.Sprintf("cannot stat '%s'", name), err))
			continue
		}
		text, err := formatStat(c, format, name, info)
		if err != nil {
			return err
		}
		fmt.Fprint(c.Stdout, text)
	}
	return nil
}

// formatStat replaces stat's % directives; a number between % and the letter is a width as
// printf has it.
func formatStat(c *applet.Call, format, name string, info fs.FileInfo) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		end := i + 1
		for end < len(format) && strings.IndexByte("0123456789-", format[end]) >= 0 {
			end++
		}
		if end == len(format) {
			return "", applet.Usagef("a directive of the format is cut off")
		}
		value, known := statField(c, format[end], name, info)
		if !known {
			return "", applet.Usagef("unknown directive %%%c", format[end])
		}
		b.WriteString(pad(value, format[i+1:end]))
		i = end
	}
	return b.String(), nil
}

func pad(value, width string) string {
	n, err := strconv.Atoi(strings.TrimLeft(width, "-0"))
	if err != nil || len(value) >= n {
		return value
	}
	fill := strings.Repeat(" ", n-len(value))
	switch width[0] {
	case '-':
		return value + fill
	case '0':
		return strings.ReplaceAll(fill, " ", "0") + value
	}
	return fill + value
}

func statField(c *applet.Call, letter byte, name string, info fs.FileInfo) (string, bool) {
	st := sysStat(info)
	switch letter {
	case '%':
		return "%", true
	case 'a':
		return strconv.FormatUint(uint64(st.Mode&0o7777), 8), true
	case 'A':
		return modeString(info), true
	case 'b':
		return fmt.Sprint(st.Blocks), true
	case 'B':
		return "512", true
	case 'd':
		return fmt.Sprint(st.Dev), true
	case 'f':
		return strconv.FormatUint(uint64(st.Mode), 16), true
	case 'F':
		return kindName(info), true
	case 'g':
		return fmt.Sprint(st.Gid), true
	case 'G':
		return applet.GroupName(st.Gid), true
	case 'h':
		return fmt.Sprint(st.Nlink), true
	case 'i':
		return fmt.Sprint(st.Ino), true
	case 'n':
		return name, true
	case 'N':
		if target, err := os.Readlink(c.Path(name)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Sprintf("'%s' -> '%s'", name, target), true
		}
		return "'" + name + "'", true
	case 'o':
		return fmt.Sprint(st.Blksize), true
	case 's':
		return fmt.Sprint(st.Size), true
	case 't':
		return strconv.FormatUint(uint64(unix.Major(st.Rdev)), 16), true
	case 'T':
		return strconv.FormatUint(uint64(unix.Minor(st.Rdev)), 16), true
	case 'u':
		return fmt.Sprint(st.Uid), true
	case 'U':
		return applet.UserName(st.Uid), true
	}
	return timeField(c, letter, st)
}

func timeField(c *applet.Call, letter byte, st *syscall.Stat_t) (string, bool) {
	stamp, known := map[byte]syscall.Timespec{
		'x': st.Atim, 'y': st.Mtim, 'z': st.Ctim, 'X': st.Atim, 'Y': st.Mtim, 'Z': st.Ctim,
	}[letter]
	switch {
	case letter == 'w':
		return "-", true
	case letter == 'W':
		return "0", true
	case letter >= 'x':
		return time.Unix(stamp.Unix()).In(c.Location()).Format("2006-01-02 15:04:05.000000000 -0700"), known
	}
	return fmt.Sprint(stamp.Sec), known
}

// modeString is the "drwxr-xr-x" of ls and stat.
func modeString(info fs.FileInfo) string {
	mode := sysStat(info).Mode
	kinds := map[uint32]byte{
		syscall.S_IFREG: '-', syscall.S_IFDIR: 'd', syscall.S_IFLNK: 'l', syscall.S_IFCHR: 'c',
		syscall.S_IFBLK: 'b', syscall.S_IFIFO: 'p', syscall.S_IFSOCK: 's',
	}
	return string(kinds[mode&syscall.S_IFMT]) + applet.Permissions(mode)
}

func kindName(info fs.FileInfo) string {
	switch sysStat(info).Mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		return "directory"
	case syscall.S_IFLNK:
		return "symbolic link"
	case syscall.S_IFCHR:
		return "character special file"
	case syscall.S_IFBLK:
		return "block special file"
	case syscall.S_IFIFO:
		return "fifo"
	case syscall.S_IFSOCK:
		return "socket"
	}
	if info.Size() == 0 {
		return "regular empty file"
	}
	return "regular file"
}

// unescape replaces the backslash sequences of printf's formats that people use.
func unescape(text string) string {
	return strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\0`, "\x00", `\\`, `\`, `\"`, `"`).Replace(text)
}
