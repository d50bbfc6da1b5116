package applet

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Mode is a change of permissions as chmod takes it: "0755", "u+x,go-w", "g=u", "a+rX".
type Mode struct {
	octal   bool
	bits    uint32 // if octal
	digits  int
	clauses []clause
}

// clause is one operation on one set of users.
type clause struct {
	who   uint32 // of 0700, 0070, 0007; 0: all, as far as the umask lets
	op    byte
	perms uint32 // rwx as 0777, filtered by who later
	exec  bool   // X
	set   bool   // s
	stick bool   // t
	copy  byte   // u, g or o
}

// ParseMode reads a mode. The error quotes it.
func ParseMode(text string) (Mode, error) {
	if n, err := strconv.ParseUint(text, 8, 32); err == nil && n <= 0o7777 {
		return Mode{octal: true, bits: uint32(n), digits: len(text)}, nil
	}
	var m Mode
	for part := range strings.SplitSeq(text, ",") {
		clauses, ok := parseClauses(part)
		if !ok {
			return Mode{}, fmt.Errorf("invalid mode: '%s'", text)
		}
		m.clauses = append(m.clauses, clauses...)
	}
	return m, nil
}

func parseClauses(part string) ([]clause, bool) {
	var who uint32
	who, part = parseWho(part)
	if part == "" {
		return nil, false
	}
	var all []clause
	for part != "" {
		c := clause{who: who, op: part[0]}
		if !strings.ContainsRune("+-=", rune(c.op)) {
			return nil, false
		}
		part = c.parsePerms(part[1:])
		all = append(all, c)
	}
	return all, true
}

func parseWho(part string) (uint32, string) {
	var who uint32
	for i, r := range part {
		switch r {
		case 'u':
			who |= 0o700
		case 'g':
			who |= 0o070
		case 'o':
			who |= 0o007
		case 'a':
			who |= 0o777
		default:
			return who, part[i:]
		}
	}
	return who, ""
}

// parsePerms reads the letters after the operator and returns what follows them.
func (c *clause) parsePerms(part string) string {
	for i, r := range part {
		switch r {
		case 'r':
			c.perms |= 0o444
		case 'w':
			c.perms |= 0o222
		case 'x':
			c.perms |= 0o111
		case 'X':
			c.exec = true
		case 's':
			c.set = true
		case 't':
			c.stick = true
		case 'u', 'g', 'o':
			c.copy = byte(r)
		default:
			return part[i:]
		}
	}
	return ""
}

// Apply changes the permission bits (07777) of a file.
func (m Mode) Apply(mode uint32, isDir bool, umask int) uint32 {
	if m.octal {
		// As in GNU chmod, a folder keeps setuid and setgid unless five digits name them.
		if isDir && m.digits < 5 {
			return m.bits | mode&0o6000
		}
		return m.bits
	}
	for _, c := range m.clauses {
		mode = c.apply(mode, isDir, uint32(umask))
	}
	return mode
}

func (c clause) apply(mode uint32, isDir bool, umask uint32) uint32 {
	who, allowed := c.who, c.who
	if who == 0 {
		who, allowed = 0o777, 0o777&^umask
	}
	bits := c.perms
	if c.exec && (isDir || mode&0o111 != 0) {
		bits |= 0o111
	}
	switch c.copy {
	case 'u':
		bits |= mode >> 6 & 7 * 0o111
	case 'g':
		bits |= mode >> 3 & 7 * 0o111
	case 'o':
		bits |= mode & 7 * 0o111
	}
	bits &= allowed
	if c.set {
		bits |= who&0o100<<5 | who&0o010<<7
	}
	if c.stick && who&0o001 != 0 {
		bits |= 0o1000
	}
	switch c.op {
	case '+':
		return mode | bits
	case '-':
		return mode &^ bits
	}
	clear := who
	if !isDir {
		clear |= who&0o100<<5 | who&0o010<<7
	}
	return mode&^clear | bits
}

// Bits are a file's permissions as the kernel has them (07777).
func Bits(mode os.FileMode) uint32 {
	bits := uint32(mode.Perm())
	for flag, bit := range map[os.FileMode]uint32{os.ModeSetuid: 0o4000, os.ModeSetgid: 0o2000, os.ModeSticky: 0o1000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// FileMode is the reverse of Bits, as os.Chmod takes it.
func FileMode(bits uint32) os.FileMode {
	mode := os.FileMode(bits & 0o777)
	for flag, bit := range map[os.FileMode]uint32{os.ModeSetuid: 0o4000, os.ModeSetgid: 0o2000, os.ModeSticky: 0o1000} {
		if bits&bit != 0 {
			mode |= flag
		}
	}
	return mode
}

// Permissions is the "rwxr-xr-x" of ls.
func Permissions(bits uint32) string {
	out := []byte("rwxrwxrwx")
	for i := range out {
		if bits&(0o400>>i) == 0 {
			out[i] = '-'
		}
	}
	for _, special := range []struct {
		at            int
		bit           uint32
		with, without byte
	}{{2, 0o4000, 's', 'S'}, {5, 0o2000, 's', 'S'}, {8, 0o1000, 't', 'T'}} {
		switch {
		case bits&special.bit == 0:
		case out[special.at] == 'x':
			out[special.at] = special.with
		default:
			out[special.at] = special.without
		}
	}
	return string(out)
}
