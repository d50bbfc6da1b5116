package userns

import (
	"fmt"
	"syscall"

	"github.com/moby/sys/user"
)

// Root is another user of the host as the root of a user namespace below this one: one of the caller's sub-ids, or
// anyone where the caller is root. The group of the same number goes with them.
//
// The caller is nobody there, so that whoever gets out of it can do nothing with the caller's own files. Ids are
// the same in both namespaces, but for these:
//
//	there          here
//	0              the user
//	the user       the last of the range, which images do not use
//	the last       none
type Root struct {
	Host int // the user, as the host numbers them, or the container that this runs in if it has users of its own

	uids, gids shift
	maps       maps
}

// RootOf finds another user of the host; nil is the caller, who is root in this namespace already. An *Error says
// whom the caller may use.
func RootOf(host int) (*Root, error) {
	uids, err := user.CurrentProcessUIDMap()
	if err != nil {
		return nil, fmt.Errorf("read the user id map: %w", err)
	}
	gids, err := user.CurrentProcessGIDMap()
	if err != nil {
		return nil, fmt.Errorf("read the group id map: %w", err)
	}
	if here {
		uids, gids = toSelf(uids), toSelf(gids)
	}
	return rootOf(host, uids, gids)
}

func rootOf(host int, uids, gids []user.IDMap) (*Root, error) {
	for _, m := range uids {
		n := int64(host) - m.ParentID
		if n < 0 || n >= m.Count {
			continue
		}
		id := m.ID + n
		if id == 0 {
			return nil, nil
		}
		if !has(gids, id) {
			return nil, noGroup(host, id)
		}
		r := &Root{Host: host, uids: shift{id, last(uids)}, gids: shift{id, last(gids)}}
		r.maps = maps{uids: r.uids.apply(uids), gids: r.gids.apply(gids), direct: true}
		return r, nil
	}
	return nil, notYours(int64(host), uids)
}

// String tells different Roots apart, in this namespace's terms.
func (r *Root) String() string { return fmt.Sprintf("%d-%d-%d", r.uids.to, r.uids.last, r.gids.last) }

// There are the ids of a namespace whose root is r, as they are here.
type There struct{ *Root }

// UID is the user here; false: there is none.
func (t There) UID(id int) (int, bool) { return t.uids.there(id) }

// GID is the group here; false: there is none.
func (t There) GID(id int) (int, bool) { return t.gids.there(id) }

// Back are the ids of this namespace, as they are in a namespace whose root is r. Root is root in both.
type Back struct{ *Root }

// UID is the user there.
func (b Back) UID(id int) (int, bool) { return b.uids.back(id), true }

// GID is the group there.
func (b Back) GID(id int) (int, bool) { return b.gids.back(id), true }

// shift lets another id be 0.
type shift struct{ to, last int64 }

func (s shift) there(id int) (int, bool) {
	switch n := int64(id); {
	case n == 0:
		return int(s.to), true
	case n >= s.last:
		return 0, false
	case n == s.to:
		return int(s.last), true
	}
	return id, true
}

func (s shift) back(id int) int {
	switch int64(id) {
	case s.to:
		return 0
	case s.last:
		return int(s.to)
	}
	return id
}

// apply makes the map of the namespace there.
func (s shift) apply(here []user.IDMap) []user.IDMap {
	out := []user.IDMap{{ID: 0, ParentID: s.to, Count: 1}}
	for _, m := range alone(alone(alone(here, 0), s.to), s.last) {
		switch m.ID {
		case 0, s.last:
		case s.to:
			out = append(out, user.IDMap{ID: s.to, ParentID: s.last, Count: 1})
		default:
			out = append(out, user.IDMap{ID: m.ID, ParentID: m.ID, Count: m.Count})
		}
	}
	return out
}

func has(m []user.IDMap, id int64) bool {
	for _, r := range m {
		if id >= r.ID && id < r.ID+r.Count {
			return true
		}
	}
	return false
}

func last(m []user.IDMap) (id int64) {
	for _, r := range m {
		id = max(id, r.ID+r.Count-1)
	}
	return id
}

// mappings is the form that the syscall package takes.
func mappings(m []user.IDMap) []syscall.SysProcIDMap {
	out := make([]syscall.SysProcIDMap, len(m))
	for i, r := range m {
		out[i] = syscall.SysProcIDMap{ContainerID: int(r.ID), HostID: int(r.ParentID), Size: int(r.Count)}
	}
	return out
}
