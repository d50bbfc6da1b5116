package buildctx

import (
	"fmt"
	"strings"
	"testing"
)

// What --chmod makes of the modes 0644 and 4751 of files and 0750 of a folder.
func TestChmod(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ mode, plain, program, folder string }{
		{"755", "755", "755", "755"},
		{"0", "0", "0", "0"},
		{"07777", "7777", "7777", "7777"},
		{"1777", "1777", "1777", "1777"},
		{"u+x", "744", "4751", "750"},
		{"+x", "755", "4751", "751"},
		{"a-x", "644", "4640", "640"},
		{"a+X", "644", "4751", "751"},
		{"u=rwX,go=rX", "644", "755", "755"},
		{"go=", "600", "4700", "700"},
		{"g=u", "664", "4771", "770"},
		{"o=g-w", "644", "4755", "755"},
		{"u+s,g+s", "6644", "6751", "6750"},
		{"u-s", "644", "751", "750"},
		{"+t", "1644", "5751", "1750"},
		{"=", "0", "0", "0"},
		{"a=rx", "555", "555", "555"},
		{"ug+w,o-r", "660", "4771", "770"},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			src, root := folder(t, "x/plain =, x/prog 4751 =, x/sub/ 750, x/l -> plain"), t.TempDir()
			must(t, run(t, src, root, "COPY --chmod="+tt.mode+" x /d"))
			want := fmt.Sprintf("l -> plain, plain %s =, prog %s =, sub/ %s", tt.plain, tt.program, tt.folder)
			want = strings.ReplaceAll(strings.ReplaceAll(want, " 644", ""), "/ 755", "/")
			if got := look(t, root+"/d"); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

// An octal mode is also that of folders made on the way, as far as it gives rights; a symbolic one is not.
func TestChmodParents(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{
		"700":  "p/ 700, p/q/ 700, p/q/b 700 =1",
		"4511": "p/ 511, p/q/ 511, p/q/b 4511 =1",
		"go=":  "p/, p/q/, p/q/b 600 =1",
	} {
		root := t.TempDir()
		must(t, run(t, folder(t, "a =1"), root, "COPY --chmod="+mode+" a /p/q/b"))
		if got := look(t, root); got != want {
			t.Errorf("%s:\n got %s\nwant %s", mode, got, want)
		}
	}
}

func TestCheckMode(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"8", "10000", "0o755", "-1", "x", "u", "u+q", "+x,", "u+x,,g+x", "rwx", "a+x o+x", "u+x\n"} {
		if err := CheckMode(bad); err == nil || hint(err) == "" {
			t.Errorf("%q: error %v, hint %q", bad, err, hint(err))
		}
	}
	for _, good := range []string{"", "644", "0644", "07777", "u+x", "a=rX", "u+x-w", "ug+s", "+t"} {
		if err := CheckMode(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}
