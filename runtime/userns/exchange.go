package userns

import (
	"fmt"
	"os"
	"strconv"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// exchanged is a map in which 0 and the id that stands for the host's uid have changed places.
func exchanged(m []user.IDMap, uid int64) ([]user.IDMap, error) {
	for _, r := range m {
		if uid < r.ParentID || uid >= r.ParentID+r.Count {
			continue
		}
		id := r.ID + uid - r.ParentID
		m = alone(alone(m, 0), id)
		var zero, other *user.IDMap
		for i := range m {
			if m[i].ID == 0 {
				zero = &m[i]
			}
			if m[i].ID == id {
				other = &m[i]
			}
		}
		if zero != nil && other != nil {
			zero.ParentID, other.ParentID = other.ParentID, zero.ParentID
			return m, nil
		}
	}
	return nil, notYours(uid, m)
}

// alone splits the range that holds an id, so that the id has one of its own.
func alone(m []user.IDMap, id int64) []user.IDMap {
	var out []user.IDMap
	for _, r := range m {
		before := id - r.ID
		if before < 0 || before >= r.Count {
			out = append(out, r)
			continue
		}
		for _, part := range []user.IDMap{
			{ID: r.ID, ParentID: r.ParentID, Count: before},
			{ID: id, ParentID: r.ParentID + before, Count: 1},
			{ID: id + 1, ParentID: r.ParentID + before + 1, Count: r.Count - before - 1},
		} {
			if part.Count > 0 {
				out = append(out, part)
			}
		}
	}
	return out
}

// Caller is the id that the caller of Enter or EnterAs has inside: 0, unless EnterAs made another user root. In
// the map that Enter alone makes, that other user has this id.
func Caller() (int, error) {
	if here {
		return 0, nil
	}
	f, err := os.Open("/proc/self/ns/user")
	if err != nil {
		return 0, fmt.Errorf("find the user namespace: %w", err)
	}
	defer f.Close()
	uid, err := unix.IoctlGetUint32(int(f.Fd()), unix.NS_GET_OWNER_UID)
	if err != nil {
		return 0, fmt.Errorf("find the owner of the user namespace: %w", err)
	}
	return int(uid), nil
}

// Host is the id that a user inside has outside.
func Host(uid int) (int, error) {
	if here {
		return uid, nil
	}
	m, err := user.CurrentProcessUIDMap()
	if err != nil {
		return 0, fmt.Errorf("read the user id map: %w", err)
	}
	for _, r := range m {
		if n := int64(uid) - r.ID; n >= 0 && n < r.Count {
			return int(r.ParentID + n), nil
		}
	}
	return 0, fmt.Errorf("user %d has no id outside", uid)
}

// FromHost is the id that a user of the outside has inside.
func FromHost(uid int) (int, error) {
	if here {
		return uid, nil
	}
	m, err := user.CurrentProcessUIDMap()
	if err != nil {
		return 0, fmt.Errorf("read the user id map: %w", err)
	}
	for _, r := range m {
		if n := int64(uid) - r.ParentID; n >= 0 && n < r.Count {
			return int(r.ID + n), nil
		}
	}
	return 0, notYours(int64(uid), m)
}

func notYours(uid int64, m []user.IDMap) error {
	var ranges string
	for i, r := range m {
		switch {
		case i > 0 && i == len(m)-1:
			ranges += " or "
		case i > 0:
			ranges += ", "
		}
		ranges += fmt.Sprint(r.ParentID)
		if r.Count > 1 {
			ranges += fmt.Sprintf("-%d", r.ParentID+r.Count-1)
		}
	}
	advice := fmt.Sprintf("it may be %s; root gives you more: %s", ranges, usermod(uid, uid))
	if here {
		advice = fmt.Sprintf("it may be %s, the users of the container that this runs in", ranges)
	}
	return &Error{Op: "map user ids", Err: fmt.Errorf("user %d is not yours to use", uid), Advice: advice}
}

// noGroup says that a user's place in the ranges is behind the last group.
func noGroup(uid int, id int64) error {
	return &Error{
		Op: "map group ids", Err: fmt.Errorf("your groups have no number %d to go with user %d", id, uid),
		Advice: "your range in /etc/subgid is shorter than that in /etc/subuid: choose a user of a smaller number, or let root give you more groups (usermod --add-subgids FIRST-LAST " + callerName() + ")",
	}
}

// usermod is the command that gives the caller ids of the host.
func usermod(first, last int64) string {
	return fmt.Sprintf("sudo usermod --add-subuids %d-%d --add-subgids %d-%d %s", first, last, first, last, callerName())
}

// callerName is the caller, by name where the host has one.
func callerName() string {
	uid := os.Geteuid()
	if Inside() {
		if id, err := Caller(); err == nil {
			if uid, err = Host(id); err != nil {
				uid = id
			}
		}
	}
	if u, err := user.LookupUid(uid); err == nil {
		return u.Name
	}
	return strconv.Itoa(uid)
}
