package buildctx

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CheckMode tells what is wrong with a value of --chmod.
func CheckMode(s string) error {
	_, err := parseMode(s)
	return err
}

// A chmod is a parsed value of --chmod: an octal mode, or changes to the mode that a file has. Modes
// are the kernel's, without the kind.
type chmod struct {
	octal   bool
	mode    uint32
	changes []change
}

// A change is one step of a symbolic mode.
type change struct {
	op    byte   // '+', '-', or 'X': '+' if the file is a folder or was executable
	bits  uint32 // that it sets or clears
	from  int    // if not 0: bits are instead those of the class at this shift less 1 …
	who   uint32 // … moved to these classes
	clear bool   // … of which all bits are cleared first
}

const (
	modeAll  = unix.S_ISUID | unix.S_ISGID | 0o777 // "a": the sticky bit has no class
	modeExec = 0o111
)

// classes are u, g and o with the bits that each may change, and their shifts.
var classes = [3]struct {
	name  byte
	bits  uint32
	shift int
}{
	{'u', unix.S_ISUID | 0o700, 6},
	{'g', unix.S_ISGID | 0o070, 3},
	{'o', 0o007, 0},
}

// parseMode reads what BuildKit reads: an octal number up to 07777, or chmod(1)'s symbolic form in its
// BSD reading, as if the umask were 0. "" gives nil.
func parseMode(s string) (*chmod, error) {
	if s == "" {
		return nil, nil
	}
	if n, err := strconv.ParseUint(s, 8, 32); err == nil && n <= 0o7777 {
		return &chmod{octal: true, mode: uint32(n)}, nil
	}
	c := &chmod{}
	for _, clause := range strings.Split(s, ",") {
		if !c.clause(clause) {
			return nil, &Error{
				Path: "--chmod=" + s,
				Err:  fmt.Errorf("not a mode"),
				hint: "write it in octal (0 to 07777) or as chmod does (u=rwX,go=rX)",
			}
		}
	}
	return c, nil
}

// clause reads who* (op perm*)+.
func (c *chmod) clause(s string) bool {
	var who uint32
	for ; s != "" && strings.IndexByte("augo", s[0]) >= 0; s = s[1:] {
		who |= classBits(s[0])
	}
	if s == "" {
		return false
	}
	for s != "" {
		op := s[0]
		if strings.IndexByte("+-=", op) < 0 {
			return false
		}
		perms := s[1:]
		end := strings.IndexFunc(perms, func(r rune) bool { return !strings.ContainsRune("rwxXstugo", r) })
		if end < 0 {
			end = len(perms)
		}
		who = c.action(op, who, perms[:end])
		s = perms[end:]
	}
	return true
}

func classBits(name byte) uint32 {
	for _, c := range classes {
		if c.name == name {
			return c.bits
		}
	}
	return modeAll
}

// action adds the steps of one operator and its permissions. It returns who, to which "t" adds the
// sticky bit.
func (c *chmod) action(op byte, who uint32, perms string) uint32 {
	who &^= unix.S_ISVTX
	var bits, exec uint32
	set := false // "=" has cleared
	flush := func() {
		if bits != 0 || op == '=' && !set {
			c.add(op, who, bits)
			set = true
		}
		if exec != 0 {
			c.add('X', who, exec)
		}
		bits, exec = 0, 0
	}
	for i := 0; i < len(perms); i++ {
		special := who == 0 || who&^0o007 != 0 // "o" alone has no special bits
		switch p := perms[i]; {
		case p == 'r':
			bits |= 0o444
		case p == 'w':
			bits |= 0o222
		case p == 'x', p == 'X' && op == '-':
			bits |= modeExec
		case p == 'X':
			exec = modeExec
		case p == 's' && special:
			bits |= unix.S_ISUID | unix.S_ISGID
		case p == 't' && special:
			who |= unix.S_ISVTX
			bits |= unix.S_ISVTX
		case p == 'u', p == 'g', p == 'o':
			if bits != 0 || exec != 0 {
				set = set || op == '='
				flush()
			}
			set = true
			c.copyClass(op, who, p)
		}
	}
	flush()
	return who
}

func (c *chmod) add(op byte, who, bits uint32) {
	all := who
	if who == 0 {
		who, all = 0o7777, modeAll
	}
	if op == '=' {
		c.changes = append(c.changes, change{op: '-', bits: all})
		op = '+'
	}
	c.changes = append(c.changes, change{op: op, bits: who & bits})
}

func (c *chmod) copyClass(op byte, who uint32, from byte) {
	if who == 0 {
		who = modeAll
	}
	ch := change{op: op, who: who, clear: op == '='}
	if op == '=' {
		ch.op = '+'
	}
	for _, cl := range classes {
		if cl.name == from {
			ch.from = cl.shift + 1
		}
	}
	c.changes = append(c.changes, ch)
}

// apply gives the mode of a file that had mode old.
func (c *chmod) apply(old uint32, dir bool) uint32 {
	if c == nil {
		return old
	}
	if c.octal {
		return c.mode
	}
	m := old
	for _, ch := range c.changes {
		bits := ch.bits
		if ch.from > 0 {
			v := m >> (ch.from - 1) & 0o7
			bits = ch.spread(v)
			if ch.clear {
				m &^= ch.spread(0o7)
			}
		}
		switch {
		case ch.op == '-':
			m &^= bits
		case ch.op == '+', dir, old&modeExec != 0:
			m |= bits
		}
	}
	return m
}

// spread puts the three bits of a class into the classes that a change is for.
func (ch change) spread(v uint32) uint32 {
	var m uint32
	for _, cl := range classes {
		if ch.who&cl.bits&0o444 != 0 {
			m |= v << cl.shift
		}
	}
	return m
}
