package userns

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/user"
)

// What a sub-id file means for user 1000, called bob.
func TestSubIDs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, want string }{
		{"by name", "bob:100000:65536\n", "0 1000 1, 1 100000 65536"},
		{"by number", "1000:100000:65536\n", "0 1000 1, 1 100000 65536"},
		{"others' ranges", "alice:100000:65536\nbobby:165536:65536\n100:231072:65536\nbob:296608:10", "0 1000 1, 1 296608 10"},
		{"several, in the file's order", "bob:500000:10\nalice:1:5\nbob:200000:20\n", "0 1000 1, 1 500000 10, 11 200000 20"},
		{"by name and by number, the same", "bob:100000:65536\n1000:100000:65536\n", "0 1000 1, 1 100000 65536"},
		{"overlapping at the end", "bob:100000:100\nbob:100050:100\n", "0 1000 1, 1 100000 100, 101 100100 50"},
		{"overlapping at the beginning", "bob:100050:100\nbob:100000:100\n", "0 1000 1, 1 100050 100, 101 100000 50"},
		{"one in the other", "bob:100010:10\nbob:100000:100\n", "0 1000 1, 1 100010 10, 11 100000 10, 21 100020 80"},
		{"with the caller in it", "bob:990:20\n", "0 1000 1, 1 990 10, 11 1001 9"},
		{"comments and empty lines", "# bob:1:2\n\nbob:100000:10\n", "0 1000 1, 1 100000 10"},
		{"broken lines", "bob\nbob:\nbob:5\nbob:x:y\nbob:7:0\nbob:7:-3\nbob:100000:10\n", "0 1000 1, 1 100000 10"},
		{"none", "alice:100000:65536\n", "0 1000 1"},
		{"empty", "", "0 1000 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "subuid")
			if err := os.WriteFile(file, []byte(tt.file), 0o644); err != nil {
				t.Fatal(err)
			}
			subs, err := ranges(file, []string{"1000", "bob"})
			if err != nil {
				t.Fatal(err)
			}
			m := from(1000, subs)
			if got := strings.ReplaceAll(strings.TrimSpace(text(m)), "\n", ", "); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if diff := cmp.Diff(strings.Fields(text(m)), words(m)); diff != "" {
				t.Errorf("newuidmap gets another map (-file +words):\n%s", diff)
			}
			seen := map[int64]bool{}
			for _, r := range m {
				for id := r.ParentID; id < r.ParentID+r.Count; id++ {
					if seen[id] {
						t.Fatalf("%d twice", id)
					}
					seen[id] = true
				}
			}
			if int64(len(seen)) != count(m) {
				t.Errorf("%d ids, counted %d", len(seen), count(m))
			}
		})
	}
}

func TestSubIDFileMissing(t *testing.T) {
	t.Parallel()
	if subs, err := ranges(filepath.Join(t.TempDir(), "subuid"), []string{"bob"}); len(subs) != 0 || err != nil {
		t.Errorf("missing: %v, %v", subs, err)
	}
	dir := t.TempDir()
	if _, err := ranges(dir, []string{"bob"}); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("read %s: ", dir)) {
		t.Errorf("a folder: %v", err)
	}
}

// For root every id that exists is itself.
func TestToSelf(t *testing.T) {
	t.Parallel()
	outer := []user.IDMap{{ID: 0, ParentID: 1000, Count: 1}, {ID: 1, ParentID: 100000, Count: 65536}}
	if got, want := text(toSelf(outer)), "0 0 1\n1 1 65536\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m, err := mapsFor(Options{Root: -1}) // as root of the namespace that the tests are in
	if err != nil {
		t.Fatal(err)
	}
	if !m.direct || count(m.uids) < 2 || m.uids[0].ID != m.uids[0].ParentID {
		t.Errorf("%+v", m)
	}
}
