package text

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// substitution is the command s.
type substitution struct {
	re    *regexp.Regexp // nil: the last one used
	parts []replacement
	nth   int
	all   bool
	print int
}

// replacement is a piece of what s puts in: text, or a group; and from here on the case.
type replacement struct {
	text  string
	group int  // -1: text
	fold  byte // U, L, E, u, l, or 0
}

func (p *sedParser) substitution(cmd *sedCommand) error {
	delimiter := p.peek()
	if delimiter == 0 || delimiter == '\n' || delimiter == '\\' {
		return p.errorf("unterminated 's'")
	}
	p.at++
	pattern, err := p.delimited(delimiter, true)
	if err != nil {
		return err
	}
	text, err := p.delimited(delimiter, false)
	if err != nil {
		return err
	}
	s := &substitution{nth: 1}
	cmd.sub = s
	flags, err := p.substitutionFlags(cmd)
	if err != nil {
		return err
	}
	if s.re, err = p.regex(pattern, flags); err != nil {
		return err
	}
	s.parts = replacements(text)
	for _, part := range s.parts {
		if s.re != nil && part.group > s.re.NumSubexp() {
			return p.errorf("invalid reference \\%d on 's' command's RHS", part.group)
		}
	}
	return nil
}

// substitutionFlags reads what follows s/a/b/ and returns the expression's flags.
func (p *sedParser) substitutionFlags(cmd *sedCommand) (string, error) {
	flags := "s"
	for {
		switch c := p.peek(); {
		case c == 'g':
			cmd.sub.all = true
		case c == 'p':
			cmd.sub.print++
		case c == 'i' || c == 'I':
			flags += "i"
		case c == 'm' || c == 'M':
			flags += "m"
		case c >= '1' && c <= '9':
			cmd.sub.nth, _ = p.number()
			continue
		case c == 'w':
			p.at++
			p.skip(" \t")
			if cmd.file = p.until("\n"); cmd.file == "" {
				return "", p.errorf("missing file name")
			}
			return flags, nil
		case c == 0 || strings.IndexByte(" \t\n;}#", c) >= 0:
			return flags, nil
		default:
			return "", p.errorf("unknown option to 's'")
		}
		p.at++
	}
}

// replacements takes the right side of s apart.
func replacements(text string) []replacement {
	var parts []replacement
	add := func(s string) { parts = append(parts, replacement{text: s, group: -1}) }
	for text != "" {
		plain := strings.IndexAny(text, `\&`)
		switch {
		case plain < 0:
			add(text)
			return parts
		case plain > 0:
			add(text[:plain])
			text = text[plain:]
			continue
		case text[0] == '&':
			parts = append(parts, replacement{group: 0})
			text = text[1:]
			continue
		case len(text) == 1:
			add(`\`)
			return parts
		}
		c := text[1]
		text = text[2:]
		switch {
		case c >= '0' && c <= '9':
			parts = append(parts, replacement{group: int(c - '0')})
		case strings.IndexByte("ULEul", c) >= 0:
			parts = append(parts, replacement{group: -1, fold: c})
		case c == 'x' && hexByte(text) != "":
			n, _ := strconv.ParseUint(text[:2], 16, 8)
			add(string([]byte{byte(n)}))
			text = text[2:]
		case strings.IndexByte("ntrfva", c) >= 0:
			add(string("\n\t\r\f\v\a"[strings.IndexByte("ntrfva", c)]))
		default:
			add(string([]byte{c}))
		}
	}
	return parts
}

// apply replaces in text; re stands in for an empty expression.
func (s *substitution) apply(re *regexp.Regexp, text []byte) ([]byte, bool) {
	limit := -1
	if !s.all {
		limit = s.nth
	}
	matches := re.FindAllSubmatchIndex(text, limit)
	if len(matches) < s.nth {
		return text, false
	}
	var out []byte
	done := 0
	for _, at := range matches[s.nth-1:] {
		out = append(out, text[done:at[0]]...)
		out = s.expand(out, text, at)
		done = at[1]
	}
	return append(out, text[done:]...), true
}

func (s *substitution) expand(out, text []byte, at []int) []byte {
	var fold, once byte
	for _, part := range s.parts {
		piece := part.text
		switch {
		case part.fold == 'u' || part.fold == 'l':
			once = part.fold
			continue
		case part.fold != 0:
			fold, once = part.fold, 0
			continue
		case part.group >= 0 && 2*part.group+1 < len(at) && at[2*part.group] >= 0:
			piece = string(text[at[2*part.group]:at[2*part.group+1]])
		}
		switch fold {
		case 'U':
			piece = strings.ToUpper(piece)
		case 'L':
			piece = strings.ToLower(piece)
		}
		if first, size := utf8.DecodeRuneInString(piece); size > 0 && once != 0 {
			if once == 'u' {
				first = unicode.ToUpper(first)
			} else {
				first = unicode.ToLower(first)
			}
			piece, once = string(first)+piece[size:], 0
		}
		out = append(out, piece...)
	}
	return out
}

// transliteration reads y/abc/xyz/.
func (p *sedParser) transliteration(cmd *sedCommand) error {
	delimiter := p.peek()
	p.at++
	var sides [2][]rune
	for i := range sides {
		text, err := p.delimited(delimiter, false)
		if err != nil {
			return err
		}
		sides[i] = []rune(strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t").Replace(text))
	}
	if len(sides[0]) != len(sides[1]) {
		return p.errorf("strings for 'y' command are different lengths")
	}
	cmd.table = map[rune]rune{}
	for i, r := range sides[0] {
		cmd.table[r] = sides[1][i]
	}
	return nil
}
