package userns

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/user"
)

// TestExchanged lets another of the caller's users change places with the caller, and nobody else.
func TestExchanged(t *testing.T) {
	caller := []user.IDMap{{ID: 0, ParentID: 1001, Count: 1}, {ID: 1, ParentID: 100000, Count: 65536}}
	root := []user.IDMap{{ID: 0, ParentID: 0, Count: 4294967295}}
	for _, test := range []struct {
		name string
		from []user.IDMap
		uid  int64
		want []user.IDMap
	}{
		{"the caller", caller, 1001, caller},
		{"the first", caller, 100000, []user.IDMap{{ID: 0, ParentID: 100000, Count: 1}, {ID: 1, ParentID: 1001, Count: 1}, {ID: 2, ParentID: 100001, Count: 65535}}},
		{"one amid", caller, 100009, []user.IDMap{
			{ID: 0, ParentID: 100009, Count: 1}, {ID: 1, ParentID: 100000, Count: 9}, {ID: 10, ParentID: 1001, Count: 1}, {ID: 11, ParentID: 100010, Count: 65526},
		}},
		{"the last", caller, 165535, []user.IDMap{{ID: 0, ParentID: 165535, Count: 1}, {ID: 1, ParentID: 100000, Count: 65535}, {ID: 65536, ParentID: 1001, Count: 1}}},
		{"of all", root, 7, []user.IDMap{
			{ID: 0, ParentID: 7, Count: 1}, {ID: 1, ParentID: 1, Count: 6}, {ID: 7, ParentID: 0, Count: 1}, {ID: 8, ParentID: 8, Count: 4294967287},
		}},
	} {
		got, err := exchanged(test.from, test.uid)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	_, err := exchanged(caller, 165536)
	advised, ok := err.(*Error)
	if !ok || !strings.HasPrefix(advised.Hint(), "it may be 1001 or 100000-165535; root gives you more: sudo usermod --add-subuids 165536-165536 --add-subgids 165536-165536 ") {
		t.Errorf("one that is not the caller's: %v, %+v", err, advised)
	}
}
