package userns

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/moby/sys/user"
	moby "github.com/moby/sys/userns"
	"golang.org/x/sys/unix"
)

// maps are the id maps of the new namespace, in the terms of the namespace that the outer process is in.
type maps struct {
	uids, gids []user.IDMap
	direct     bool // the outer process may write them itself; else newuidmap and newgidmap do
	alone      bool // they hold the caller and nobody else
	here       bool // no new user namespace is needed: the one that there is will do
}

// mapsFor chooses the maps for the calling process.
func mapsFor(o Options) (m maps, err error) {
	switch {
	case o.Alone:
		return maps{uids: from(os.Geteuid(), nil), gids: from(os.Getegid(), nil), direct: true, alone: true}, nil
	case privileged(mayMap):
		m, err = identity()
	default:
		m, err = subordinate()
	}
	if err != nil || o.Root < 0 {
		// What another user namespace holds is not for the one who made it to hold again: with the right to
		// mount here there is nothing to be won by one more.
		m.here = err == nil && m.direct && moby.RunningInUserNS() && privileged(mayMount)
		return m, err
	}
	m.uids, err = exchanged(m.uids, int64(o.Root))
	return m, err
}

// HaveIDs says whether the caller was given the ids that [Enter] takes: an *Error if not. It starts nothing, so the
// namespaces may be refused all the same.
func HaveIDs() error {
	_, err := mapsFor(Options{Root: -1})
	return err
}

// What root needs to write any map, by user_namespaces(7), "Defining user and group ID mappings"; and to do what a
// build does without a user namespace of its own.
const (
	mayMap   = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETFCAP
	mayMount = mayMap | 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_SYS_CHROOT | 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER
)

// privileged says whether the process is root with these capabilities.
func privileged(need uint32) bool {
	if os.Geteuid() != 0 {
		return false
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if unix.Capget(&header, &sets[0]) != nil {
		return false
	}
	return sets[0].Effective&need == need
}

// identity maps each id that exists here to itself.
func identity() (maps, error) {
	uids, err := user.CurrentProcessUIDMap()
	if err != nil {
		return maps{}, fmt.Errorf("read the user id map: %w", err)
	}
	gids, err := user.CurrentProcessGIDMap()
	if err != nil {
		return maps{}, fmt.Errorf("read the group id map: %w", err)
	}
	if count(uids) < 2 || count(gids) < 2 {
		return maps{}, noRanges("root", "/proc/self/uid_map")
	}
	return maps{uids: toSelf(uids), gids: toSelf(gids), direct: true}, nil
}

func toSelf(outer []user.IDMap) []user.IDMap {
	inner := make([]user.IDMap, len(outer))
	for i, m := range outer {
		inner[i] = user.IDMap{ID: m.ID, ParentID: m.ID, Count: m.Count}
	}
	return inner
}

// subordinate maps 0 to the caller and the ids from 1 to the caller's ranges, one after the other.
func subordinate() (maps, error) {
	uid, gid := os.Geteuid(), os.Getegid()
	names := []string{strconv.Itoa(uid)}
	if u, err := user.LookupUid(uid); err == nil {
		names = append(names, u.Name)
	}
	who := names[len(names)-1]
	uids, err := ranges("/etc/subuid", names)
	if err != nil {
		return maps{}, err
	}
	gids, err := ranges("/etc/subgid", names)
	if err != nil {
		return maps{}, err
	}
	if len(uids) == 0 {
		return maps{}, noRanges(who, "/etc/subuid")
	}
	if len(gids) == 0 {
		return maps{}, noRanges(who, "/etc/subgid")
	}
	return maps{uids: from(uid, uids), gids: from(gid, gids)}, nil
}

// ranges reads the lines of a sub-id file that belong to one of the names; a missing file has none.
func ranges(file string, names []string) ([]user.SubID, error) {
	found, err := user.ParseSubIDFileFilter(file, func(line user.SubID) bool {
		for _, name := range names {
			if line.Name == name && line.Count > 0 {
				return true
			}
		}
		return false
	})
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return found, nil
}

// from maps 0 to self and what follows to the ranges. An id that stands in two of them is mapped once, since the
// kernel refuses maps that overlap: files list a user by name and by number, or have a line twice.
func from(self int, subs []user.SubID) []user.IDMap {
	out := []user.IDMap{{ID: 0, ParentID: int64(self), Count: 1}}
	next := int64(1)
	for _, sub := range subs {
		for _, free := range without(sub, out) {
			out = append(out, user.IDMap{ID: next, ParentID: free.SubID, Count: free.Count})
			next += free.Count
		}
	}
	return out
}

// without gives what is left of a range when the ids that are mapped to already are taken out.
func without(sub user.SubID, taken []user.IDMap) []user.SubID {
	left := []user.SubID{sub}
	for _, m := range taken {
		var cut []user.SubID
		for _, r := range left {
			start, end := r.SubID, r.SubID+r.Count
			if before := min(end, m.ParentID); before > start {
				cut = append(cut, user.SubID{SubID: start, Count: before - start})
			}
			if after := max(start, m.ParentID+m.Count); after < end {
				cut = append(cut, user.SubID{SubID: after, Count: end - after})
			}
		}
		left = cut
	}
	return left
}

func count(m []user.IDMap) int64 {
	var n int64
	for _, r := range m {
		n += r.Count
	}
	return n
}

// text is the form that /proc/PID/uid_map takes.
func text(m []user.IDMap) string {
	var b strings.Builder
	for _, r := range m {
		fmt.Fprintf(&b, "%d %d %d\n", r.ID, r.ParentID, r.Count)
	}
	return b.String()
}

// words is the form that newuidmap takes.
func words(m []user.IDMap) []string {
	out := make([]string, 0, 3*len(m))
	for _, r := range m {
		out = append(out, strconv.FormatInt(r.ID, 10), strconv.FormatInt(r.ParentID, 10), strconv.FormatInt(r.Count, 10))
	}
	return out
}

// Mode says which ids there are, for the display: "every id" where each is itself, "65536 sub-ids", or "one id".
func Mode() string {
	uids, err := user.CurrentProcessUIDMap()
	if err != nil {
		return "unknown"
	}
	if count(uids) == 1 {
		return "one id"
	}
	for _, m := range uids {
		if m.ID != m.ParentID {
			return fmt.Sprintf("%d sub-ids", count(uids)-1)
		}
	}
	return "every id"
}
