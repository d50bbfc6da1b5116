package files

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mvdan.cc/sh/v3/pattern"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
	"github.com/shbuild/shbuild/cmd/toybox/internal/text"
)

// valued are the words with a value.
func (p *findParser) valued(name, value string) (test, error) {
	f := p.f
	switch name {
	case "-name":
		return matches(value, 0, func(at *found) string { return base(at.name) })
	case "-iname":
		return matches(value, pattern.NoGlobCase, func(at *found) string { return base(at.name) })
	case "-path", "-wholename":
		return matches(value, 0, func(at *found) string { return at.name })
	case "-ipath":
		return matches(value, pattern.NoGlobCase, func(at *found) string { return at.name })
	case "-lname":
		return matches(value, 0, func(at *found) string {
			target, _ := os.Readlink(f.c.Path(at.name))
			return target
		})
	case "-type":
		return kindTest(value, func(at *found) fs.FileInfo { return at.info })
	case "-xtype":
		return kindTest(value, func(at *found) fs.FileInfo {
			if info, err := os.Stat(f.c.Path(at.name)); err == nil {
				return info
			}
			return at.info
		})
	case "-regex", "-iregex":
		return regexTest(value, name == "-iregex")
	case "-perm":
		return permTest(value)
	case "-size":
		return sizeTest(value)
	case "-newer":
		info, err := os.Stat(f.c.Path(value))
		if err != nil {
			return nil, applet.At(value, err)
		}
		return func(at *found) bool { return at.info.ModTime().After(info.ModTime()) }, nil
	case "-user":
		uid, err := applet.UserID(value)
		return func(at *found) bool { return int(sysStat(at.info).Uid) == uid }, err
	case "-group":
		gid, err := applet.GroupID(value)
		return func(at *found) bool { return int(sysStat(at.info).Gid) == gid }, err
	case "-printf":
		return f.printf(value), nil
	}
	return p.numeric(name, value)
}

// numeric are the words whose value is a number.
func (p *findParser) numeric(name, value string) (test, error) {
	var field func(*found) int64
	now := time.Now()
	switch name {
	case "-maxdepth", "-mindepth":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return nil, applet.Usagef("invalid depth '%s'", value)
		}
		if name == "-maxdepth" {
			p.f.maxDepth = n
		} else {
			p.f.minDepth = n
		}
		return func(*found) bool { return true }, nil
	case "-mtime":
		field = func(at *found) int64 { return int64(now.Sub(at.info.ModTime()) / (24 * time.Hour)) }
	case "-mmin":
		field = func(at *found) int64 { return int64(now.Sub(at.info.ModTime()) / time.Minute) }
	case "-links":
		field = func(at *found) int64 { return int64(sysStat(at.info).Nlink) }
	case "-uid":
		field = func(at *found) int64 { return int64(sysStat(at.info).Uid) }
	case "-gid":
		field = func(at *found) int64 { return int64(sysStat(at.info).Gid) }
	case "-inum":
		field = func(at *found) int64 { return int64(sysStat(at.info).Ino) }
	default:
		return nil, applet.Usagef("'%s' is not known", name)
	}
	fits, err := number(value)
	return func(at *found) bool { return fits(field(at)) }, err
}

func matches(glob string, mode pattern.Mode, of func(*found) string) (test, error) {
	expr, err := pattern.Regexp(glob, mode|pattern.EntireString)
	if err != nil {
		return nil, fmt.Errorf("pattern '%s': %w", glob, err)
	}
	re, err := regexp.Compile(expr)
	return func(at *found) bool { return re.MatchString(of(at)) }, err
}

// regexTest matches the whole name with an expression in the syntax of emacs, which is find's: as
// a basic one, but "+" and "?" are operators.
func regexTest(value string, fold bool) (test, error) {
	flags := "s"
	if fold {
		flags += "i"
	}
	value = regexp.MustCompile(`(\\.)|([+?])`).ReplaceAllStringFunc(value, func(s string) string {
		switch s {
		case "+", "?":
			return `\` + s
		case `\+`, `\?`:
			return s[1:]
		}
		return s
	})
	re, err := text.Compile(`^\(`+value+`\)$`, false, flags)
	if err != nil {
		return nil, err
	}
	return func(at *found) bool { return re.MatchString(at.name) }, nil
}

func kindTest(value string, of func(*found) fs.FileInfo) (test, error) {
	kinds := map[string]uint32{
		"f": syscall.S_IFREG, "d": syscall.S_IFDIR, "l": syscall.S_IFLNK, "p": syscall.S_IFIFO,
		"s": syscall.S_IFSOCK, "c": syscall.S_IFCHR, "b": syscall.S_IFBLK,
	}
	wanted := map[uint32]bool{}
	for letter := range strings.SplitSeq(value, ",") {
		kind, ok := kinds[letter]
		if !ok {
			return nil, applet.Usagef("kind %s is not known", value)
		}
		wanted[kind] = true
	}
	return func(at *found) bool { return wanted[sysStat(of(at)).Mode&syscall.S_IFMT] }, nil
}

// permTest: "MODE" exactly, "-MODE" all of these bits, "/MODE" any of them.
func permTest(value string) (test, error) {
	m, err := applet.ParseMode(strings.TrimLeft(value, "-/"))
	if err != nil {
		return nil, err
	}
	bits := m.Apply(0, false, 0)
	return func(at *found) bool {
		have := sysStat(at.info).Mode & 0o7777
		switch value[0] {
		case '-':
			return have&bits == bits
		case '/':
			return bits == 0 || have&bits != 0
		}
		return have == bits
	}, nil
}

// sizeTest counts in blocks of 512 bytes, or what the letter at the end says, rounded up.
func sizeTest(value string) (test, error) {
	units := map[byte]int64{'c': 1, 'w': 2, 'b': 512, 'k': 1 << 10, 'M': 1 << 20, 'G': 1 << 30}
	unit, digits := int64(512), value
	if n := len(value); n > 0 && units[value[n-1]] > 0 {
		unit, digits = units[value[n-1]], value[:n-1]
	}
	fits, err := number(digits)
	return func(at *found) bool { return fits((at.info.Size() + unit - 1) / unit) }, err
}

func (f *finder) empty(at *found) bool {
	if at.info.IsDir() {
		entries, err := os.ReadDir(f.c.Path(at.name))
		return err == nil && len(entries) == 0
	}
	return at.info.Mode().IsRegular() && at.info.Size() == 0
}

func (f *finder) print(end string) test {
	f.acts = true
	return func(at *found) bool {
		fmt.Fprint(f.c.Stdout, at.name, end)
		return true
	}
}

func (f *finder) remove(at *found) bool {
	if base(at.name) == "." {
		return true
	}
	if err := os.Remove(f.c.Path(at.name)); err != nil {
		f.c.Warn(applet.At(fmt.Sprintf("cannot delete '%s'", at.name), err))
		return false
	}
	return true
}

// each runs a command for every file; it holds where the command succeeds.
func (f *finder) each(argv []string) test {
	return func(at *found) bool {
		words := make([]string, len(argv))
		for i, word := range argv {
			words[i] = strings.ReplaceAll(word, "{}", at.name)
		}
		status, err := f.c.Spawn(words, f.c.Environ, f.c.Stdin)
		if err != nil {
			f.c.Warn(err)
		}
		return err == nil && status == 0
	}
}

// printf knows %p %P %f %h %s %m %M %u %U %g %G %y %l %T@ %d %n %i and the backslashes.
func (f *finder) printf(format string) test {
	f.acts = true
	format = unescape(format)
	return func(at *found) bool {
		for rest := format; rest != ""; {
			text, directive, found := strings.Cut(rest, "%")
			fmt.Fprint(f.c.Stdout, text)
			if !found || directive == "" {
				break
			}
			size := 1
			if strings.HasPrefix(directive, "T@") {
				size = 2
			}
			fmt.Fprint(f.c.Stdout, f.directive(directive[:size], at))
			rest = directive[size:]
		}
		return true
	}
}

func (f *finder) directive(d string, at *found) string {
	st := sysStat(at.info)
	switch d {
	case "p":
		return at.name
	case "P":
		return strings.TrimPrefix(strings.TrimPrefix(at.name, at.root), "/")
	case "f":
		return base(at.name)
	case "h":
		if i := strings.LastIndexByte(at.name, '/'); i >= 0 {
			return at.name[:i]
		}
		return "."
	case "l":
		target, _ := os.Readlink(f.c.Path(at.name))
		return target
	case "y":
		if at.info.Mode().IsRegular() {
			return "f"
		}
		return modeString(at.info)[:1]
	case "d":
		return strconv.Itoa(at.level)
	case "T@":
		return fmt.Sprintf("%d.%09d0", st.Mtim.Sec, st.Mtim.Nsec)
	}
	// The rest are stat's, two of them by another letter.
	letter, ok := map[string]byte{
		"s": 's', "m": 'a', "M": 'A', "u": 'U', "U": 'u', "g": 'G', "G": 'g', "n": 'h', "i": 'i', "%": '%',
	}[d]
	if !ok {
		return "%" + d
	}
	value, _ := statField(f.c, letter, at.name, at.info)
	return value
}
