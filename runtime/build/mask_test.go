package build

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// However a text is cut into writes, the secrets in it are hidden, all else is shown, and a record of it is kept only
// without a secret.
func TestMaskAndRecord(t *testing.T) {
	secrets := [][]byte{[]byte("hunter2\n"), []byte("hunted"), []byte("two\nlines"), []byte("ab"), nil}
	for text, want := range map[string]string{
		"":                              "",
		"hunter":                        "hunter",
		"a hunter2 and hunthunted hun":  "a **** and hunt**** hun",
		"hunter2hunter2":                "********",
		"xtwo\nlinesy two\nline":        "x****y two\nline",
		"abababab":                      "abababab",
		"nothing at all\n":              "nothing at all\n",
		strings.Repeat("hunte", 100):    strings.Repeat("hunte", 100),
		strings.Repeat("hunter2 ", 100): strings.Repeat("**** ", 100),
	} {
		for _, size := range []int{1, 2, 3, 7, 1000} {
			var out bytes.Buffer
			m := newMask(&out, secrets)
			file, err := os.CreateTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			r := &record{file: file}
			r.keepOff(secrets)
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				if k, err := m.Write([]byte(rest[:n])); k != n || err != nil {
					t.Fatal(k, err)
				}
				if k, err := r.Write([]byte(rest[:n])); k != n || err != nil {
					t.Fatal(k, err)
				}
				rest = rest[n:]
			}
			if err := m.flush(); err != nil {
				t.Fatal(err)
			}
			if out.String() != want {
				t.Errorf("%q in pieces of %d is %q, want %q", text, size, &out, want)
			}
			kept, _ := os.ReadFile(file.Name())
			if tells := text != want || strings.Contains(text, "ab"); r.spoilt != tells || tells && len(kept) > 0 || !tells && string(kept) != text {
				t.Errorf("%q in pieces of %d: spoilt %v, kept %q", text, size, r.spoilt, kept)
			}
		}
	}
}
