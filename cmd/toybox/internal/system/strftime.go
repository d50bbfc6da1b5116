package system

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// layouts are the directives that Go's time package formats.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan",
	'c': "Mon Jan _2 15:04:05 2006", 'D': "01/02/06", 'F': "2006-01-02", 'x': "01/02/06",
	'p': "PM", 'r': "03:04:05 PM", 'R': "15:04", 'T': "15:04:05", 'X': "15:04:05",
	'z': "-0700", 'Z': "MST",
}

// strftime formats a time as date(1) does, in the C locale.
func strftime(format string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		start := i + 1
		for i++; i < len(format) && strings.IndexByte("-_0^#:123456789", format[i]) >= 0; {
			i++
		}
		if i == len(format) {
			b.WriteString("%" + format[start:])
			break
		}
		text, err := directive(format[start:i], format[i], t)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// directive is one "%" sequence; flags is what stands before its letter.
func directive(flags string, letter byte, t time.Time) (string, error) {
	switch letter {
	case '%', 'n', 't':
		return map[byte]string{'%': "%", 'n': "\n", 't': "\t"}[letter], nil
	case 'N':
		digits, err := strconv.Atoi(flags)
		if err != nil || digits < 1 || digits > 9 {
			digits = 9
		}
		return fmt.Sprintf("%09d", t.Nanosecond())[:digits], nil
	case 'P':
		return strings.ToLower(t.Format("PM")), nil
	}
	if layout, ok := layouts[letter]; ok {
		if letter == 'z' && flags == ":" {
			layout = "-07:00"
		}
		text := t.Format(layout)
		if flags == "^" {
			text = strings.ToUpper(text)
		}
		return text, nil
	}
	value, width, pad, ok := number(letter, t)
	if !ok {
		return "", applet.Usagef("unknown directive '%%%s%c'", flags, letter)
	}
	switch flags {
	case "-":
		width = 0
	case "_":
		pad = " "
	case "0":
		pad = "0"
	}
	text := strconv.FormatInt(value, 10)
	return strings.Repeat(pad, max(0, width-len(text))) + text, nil
}

// number is a directive's value and how it is padded.
func number(letter byte, t time.Time) (value int64, width int, pad string, ok bool) {
	isoYear, isoWeek := t.ISOWeek()
	field, ok := map[byte]struct {
		value, width int
		pad          string
	}{
		'C': {t.Year() / 100, 2, "0"}, 'd': {t.Day(), 2, "0"}, 'e': {t.Day(), 2, " "},
		'g': {isoYear % 100, 2, "0"}, 'G': {isoYear, 4, "0"}, 'H': {t.Hour(), 2, "0"},
		'I': {(t.Hour()+11)%12 + 1, 2, "0"}, 'j': {t.YearDay(), 3, "0"}, 'k': {t.Hour(), 2, " "},
		'l': {(t.Hour()+11)%12 + 1, 2, " "}, 'm': {int(t.Month()), 2, "0"}, 'M': {t.Minute(), 2, "0"},
		'q': {(int(t.Month())-1)/3 + 1, 0, ""}, 'S': {t.Second(), 2, "0"},
		'u': {(int(t.Weekday())+6)%7 + 1, 0, ""}, 'w': {int(t.Weekday()), 0, ""},
		'U': {(t.YearDay() + 6 - int(t.Weekday())) / 7, 2, "0"}, 'V': {isoWeek, 2, "0"},
		'W': {(t.YearDay() + 6 - (int(t.Weekday())+6)%7) / 7, 2, "0"},
		'y': {t.Year() % 100, 2, "0"}, 'Y': {t.Year(), 4, "0"},
	}[letter]
	if letter == 's' {
		return t.Unix(), 0, "", true
	}
	return int64(field.value), field.width, field.pad, ok
}
