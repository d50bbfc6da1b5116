package applet

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Location is the time zone that TZ names, else the machine's.
func (c *Call) Location() *time.Location {
	if name := strings.TrimPrefix(c.Getenv("TZ"), ":"); name != "" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
		return time.UTC
	}
	return time.Local
}

// ParseTime reads a point in time as date -d and touch -d take it: "@SECONDS", "now", RFC 3339,
// RFC 1123, "2024-05-06", "2024-05-06 07:08[:09]", either with "UTC", "Z" or "+0200" after it.
func ParseTime(text string, zone *time.Location) (time.Time, error) {
	if text == "now" || text == "" {
		return time.Now(), nil
	}
	if seconds, found := strings.CutPrefix(text, "@"); found {
		whole, fraction, _ := strings.Cut(seconds, ".")
		sec, err := strconv.ParseInt(whole, 10, 64)
		nsec, err2 := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		if err == nil && err2 == nil {
			return time.Unix(sec, nsec), nil
		}
	}
	trimmed, utc := strings.CutSuffix(text, " UTC")
	if utc {
		zone = time.UTC
	}
	for _, day := range []string{"2006-01-02", "20060102", "2006/01/02"} {
		for _, clock := range []string{"", " 15:04", " 15:04:05", "T15:04", "T15:04:05"} {
			for _, offset := range []string{"", "Z07:00", " -0700", "-0700", " -07:00"} {
				if t, err := time.ParseInLocation(day+clock+offset, trimmed, zone); err == nil {
					return t, nil
				}
			}
		}
	}
	for _, form := range []string{time.RFC1123, time.RFC1123Z, time.UnixDate, time.ANSIC} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid date '%s'", text)
}

// ParseSize reads a number of bytes with GNU's suffixes: K, M, G, T (1024), KB, MB … (1000),
// b (512), c (1).
func ParseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit := int64(1)
	switch suffix := text[len(digits):]; suffix {
	case "", "c":
	case "b":
		unit = 512
	default:
		power := strings.IndexByte("KMGTPE", strings.ToUpper(suffix)[0]) + 1
		base := int64(1024)
		if len(suffix) == 2 && suffix[1] == 'B' {
			base = 1000
		} else if len(suffix) > 1 && suffix[1:] != "iB" {
			power = 0
		}
		if power == 0 {
			return 0, fmt.Errorf("invalid size '%s'", text)
		}
		for range power {
			unit *= base
		}
	}
	if err != nil || n < 0 || n > (1<<63-1)/unit {
		return 0, fmt.Errorf("invalid size '%s'", text)
	}
	return n * unit, nil
}

// HumanSize is a number of bytes in at most four characters: 999, 1.5K, 15M, rounded up.
func HumanSize(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	value := float64(n)
	for _, unit := range "KMGTPE" {
		value /= 1024
		switch {
		case value <= 9.9:
			return fmt.Sprintf("%.1f%c", math.Ceil(value*10)/10, unit)
		case value <= 1023:
			return fmt.Sprintf("%.0f%c", math.Ceil(value), unit)
		}
	}
	return fmt.Sprint(n)
}
