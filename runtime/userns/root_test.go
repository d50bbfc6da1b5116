package userns

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/user"
)

// TestRootOf maps another user to 0, and the caller to nobody.
func TestRootOf(t *testing.T) {
	caller := []user.IDMap{{ID: 0, ParentID: 1001, Count: 1}, {ID: 1, ParentID: 100000, Count: 65536}}
	two := append(caller[:2:2], user.IDMap{ID: 65537, ParentID: 500000, Count: 10})
	root := []user.IDMap{{ID: 0, ParentID: 0, Count: 4294967295}}
	for _, test := range []struct {
		name string
		here []user.IDMap
		host int
		want []user.IDMap
	}{
		{"one amid", caller, 100009, []user.IDMap{
			{ID: 0, ParentID: 10, Count: 1}, {ID: 1, ParentID: 1, Count: 9}, {ID: 10, ParentID: 65536, Count: 1}, {ID: 11, ParentID: 11, Count: 65525},
		}},
		{"the first", caller, 100000, []user.IDMap{{ID: 0, ParentID: 1, Count: 1}, {ID: 1, ParentID: 65536, Count: 1}, {ID: 2, ParentID: 2, Count: 65534}}},
		{"the last", caller, 165535, []user.IDMap{{ID: 0, ParentID: 65536, Count: 1}, {ID: 1, ParentID: 1, Count: 65535}}},
		{"of another range", two, 500001, []user.IDMap{
			{ID: 0, ParentID: 65538, Count: 1}, {ID: 1, ParentID: 1, Count: 65536}, {ID: 65537, ParentID: 65537, Count: 1},
			{ID: 65538, ParentID: 65546, Count: 1}, {ID: 65539, ParentID: 65539, Count: 7},
		}},
		{"of all", root, 7, []user.IDMap{
			{ID: 0, ParentID: 7, Count: 1}, {ID: 1, ParentID: 1, Count: 6}, {ID: 7, ParentID: 4294967294, Count: 1}, {ID: 8, ParentID: 8, Count: 4294967286},
		}},
	} {
		r, err := rootOf(test.host, test.here, test.here)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, r.maps.uids); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		// What the translation says must be what the map does.
		for _, m := range test.want {
			for _, id := range []int64{m.ID, m.ID + m.Count - 1} {
				here, ok := There{r}.UID(int(id))
				if want := m.ParentID + id - m.ID; !ok || int64(here) != want {
					t.Errorf("%s: user %d there is %d here, want %d", test.name, id, here, want)
				}
				if back, _ := (Back{r}).UID(here); int64(back) != id {
					t.Errorf("%s: user %d there comes back as %d", test.name, id, back)
				}
			}
		}
		if _, ok := (There{r}).GID(int(last(test.here))); ok {
			t.Errorf("%s: the last group is there", test.name)
		}
		if back, _ := (Back{r}).GID(0); back != 0 {
			t.Errorf("%s: root comes back as %d", test.name, back)
		}
	}
	if r, err := rootOf(1001, caller, caller); r != nil || err != nil {
		t.Errorf("the caller: %v, %v", r, err)
	}
	if _, err := rootOf(1002, caller, caller); err == nil || err.Error() != "map user ids: user 1002 is not yours to use" {
		t.Errorf("a stranger: %v", err)
	}
	short := []user.IDMap{{ID: 0, ParentID: 1001, Count: 1}, {ID: 1, ParentID: 100000, Count: 5}}
	if _, err := rootOf(100009, caller, short); err == nil || err.Error() != "map group ids: your groups have no number 10 to go with user 100009" {
		t.Errorf("a user without a group: %v", err)
	}
}
