package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// User is who a process runs as.
type User struct {
	UID, GID int
	Groups   []int // supplementary groups, the primary one among them, first unless /etc/group lists it
	Home     string
}

// UserError is a user or group that an image does not have.
type UserError struct {
	Spec string
	Err  error
}

func (e *UserError) Error() string { return fmt.Sprintf("user %q: %v", e.Spec, e.Err) }

func (e *UserError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *UserError) Hint() string {
	return "name a user and group of the image's /etc/passwd and /etc/group, make them in an earlier step (useradd), or use numbers"
}

// LookupUser finds whom USER's operand (name or uid, optionally ":" and group
// or gid; "" for root) names in root's /etc/passwd and /etc/group, by Docker's
// rules: a number needs no entry; a uid without one gets group 0; "uid:gid"
// and "name:group" have no groups but that. Both files may be missing, and
// links are followed as after a chroot to root.
func LookupUser(root, spec string) (User, error) {
	passwd, err := readUserFile(root, "etc/passwd")
	if err != nil {
		return User{}, &UserError{spec, err}
	}
	group, err := readUserFile(root, "etc/group")
	if err != nil {
		return User{}, &UserError{spec, err}
	}
	uid, gid, numeric := bothNumeric(spec)
	if numeric {
		return User{UID: uid, GID: gid, Groups: []int{gid}, Home: homeOf(uid, passwd)}, nil
	}
	asked := spec
	if asked == "" {
		asked = "0"
	}
	found, err := user.GetExecUser(asked, &user.ExecUser{Home: "/"}, strings.NewReader(passwd), strings.NewReader(group))
	if err != nil {
		return User{}, &UserError{spec, noSuch(err)}
	}
	u := User{UID: found.Uid, GID: found.Gid, Groups: found.Sgids, Home: found.Home}
	if !slices.Contains(u.Groups, u.GID) {
		u.Groups = slices.Insert(u.Groups, 0, u.GID)
	}
	if u.Home == "" {
		u.Home = "/"
	}
	return u, nil
}

// ParseChown finds whom the operand of --chown names, by BuildKit's rules:
// a name that is not there, of a user or of a group, is 0 without an error; a
// user's name alone brings their primary group, a uid alone the gid of the same
// number. "root" is always 0, and a number of more than 31 bits is a name.
func ParseChown(root, spec string) (uid, gid int, err error) {
	name, groupName, _ := strings.Cut(spec, ":")
	if id, ok := chownID(name); ok {
		uid, gid = id, id
	} else if uid, gid, err = chownUser(root, name); err != nil {
		return 0, 0, &UserError{spec, err}
	}
	if groupName == "" {
		return uid, gid, nil
	}
	if id, ok := chownID(groupName); ok {
		return uid, id, nil
	}
	if gid, err = chownGroup(root, groupName, gid); err != nil {
		return 0, 0, &UserError{spec, err}
	}
	return uid, gid, nil
}

// ChownByName says whether ParseChown needs an image's /etc/passwd or
// /etc/group for an operand.
func ChownByName(spec string) bool {
	if spec == "" {
		return false
	}
	name, groupName, _ := strings.Cut(spec, ":")
	_, isUID := chownID(name)
	_, isGID := chownID(groupName)
	return !isUID || groupName != "" && !isGID
}

// chownID reads an id of --chown. A negative one is its 32 bits: -1 leaves the
// owner alone.
func chownID(s string) (id int, ok bool) {
	if s == "root" {
		return 0, true
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return int(uint32(n)), err == nil
}

func chownUser(root, name string) (uid, gid int, err error) {
	text, err := readUserFile(root, "etc/passwd")
	if err != nil {
		return 0, 0, err
	}
	users, err := user.ParsePasswdFilter(strings.NewReader(text), func(u user.User) bool { return u.Name == name })
	if err != nil || len(users) == 0 {
		return 0, 0, err
	}
	return users[0].Uid, users[0].Gid, nil
}

// chownGroup finds the id of a group; of none, it is the one given.
func chownGroup(root, name string, none int) (gid int, err error) {
	text, err := readUserFile(root, "etc/group")
	if err != nil {
		return 0, err
	}
	groups, err := user.ParseGroupFilter(strings.NewReader(text), func(g user.Group) bool { return g.Name == name })
	if err != nil || len(groups) == 0 {
		return none, err
	}
	return groups[0].Gid, nil
}

// number reads an id.
func number(s string) (id int, ok bool, err error) {
	if s == "root" {
		return 0, true, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if errors.Is(err, strconv.ErrRange) || err == nil && n < 0 {
		return 0, false, errRange
	}
	return int(n), err == nil, nil
}

var errRange = errors.New("ids are numbers from 0 to 2147483647")

// bothNumeric reads "uid:gid".
func bothNumeric(spec string) (uid, gid int, ok bool) {
	u, g, _ := strings.Cut(spec, ":")
	uid, isUID, err1 := number(u)
	gid, isGID, err2 := number(g)
	return uid, gid, isUID && isGID && err1 == nil && err2 == nil
}

// homeOf is the home folder of the first user with an id.
func homeOf(uid int, passwd string) string {
	users, err := user.ParsePasswdFilter(strings.NewReader(passwd), func(u user.User) bool { return u.Uid == uid })
	if err != nil || len(users) == 0 || users[0].Home == "" {
		return "/"
	}
	return users[0].Home
}

func noSuch(err error) error {
	switch {
	case errors.Is(err, user.ErrNoPasswdEntries):
		return errors.New("the image has no such user in /etc/passwd")
	case errors.Is(err, user.ErrNoGroupEntries):
		return errors.New("the image has no such group in /etc/group")
	case errors.Is(err, user.ErrRange):
		return errRange
	}
	return err
}

// maxUserFile is BuildKit's limit for /etc/passwd and /etc/group, in bytes.
const maxUserFile = 10 << 20

// readUserFile reads a file of the image; one that is not there, cannot be
// reached, or is no file, is empty.
func readUserFile(root, name string) (string, error) {
	handle, err := pathrs.OpenInRoot(root, name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("open /%s of the image: %w", name, err)
	}
	defer handle.Close()
	fi, err := handle.Stat()
	if err != nil {
		return "", fmt.Errorf("open /%s of the image: %w", name, err)
	}
	if !fi.Mode().IsRegular() { // a fifo would make us wait for ever
		return "", nil
	}
	f, err := pathrs.Reopen(handle, os.O_RDONLY)
	if err != nil {
		return "", fmt.Errorf("open /%s of the image: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxUserFile+1))
	if err == nil && len(data) > maxUserFile {
		err = fmt.Errorf("it is larger than %d bytes", maxUserFile)
	}
	if err != nil {
		return "", fmt.Errorf("read /%s of the image: %w", name, err)
	}
	return string(data), nil
}
