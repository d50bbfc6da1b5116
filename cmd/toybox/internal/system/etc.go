package system

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// etc is the folder with the files that name users and groups.
type etc struct{ root string } // "" is /

// account is one line of passwd or group, its fields.
type account []string

func (a account) id() int {
	n, err := strconv.Atoi(a[2])
	if err != nil {
		return -1
	}
	return n
}

// read reads passwd (7 fields) or group (4).
func (e etc) read(file string, fields int) ([]account, error) {
	text, err := os.ReadFile(e.root + "/etc/" + file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []account
	for line := range strings.SplitSeq(string(text), "\n") {
		if parts := strings.Split(line, ":"); len(parts) == fields {
			all = append(all, parts)
		}
	}
	return all, nil
}

func (e etc) users() ([]account, error)  { return e.read("passwd", 7) }
func (e etc) groups() ([]account, error) { return e.read("group", 4) }

func accountNamed(all []account, name string) account {
	for _, a := range all {
		if a[0] == name {
			return a
		}
	}
	return nil
}

// free is an id that nobody has: from 1000 up, or for a system account from 999 down.
func free(all []account, system bool) (int, error) {
	taken := map[int]bool{}
	for _, a := range all {
		taken[a.id()] = true
	}
	if system {
		for id := 999; id >= 100; id-- {
			if !taken[id] {
				return id, nil
			}
		}
		return 0, errors.New("no system id is free")
	}
	for id := 1000; id < 60000; id++ {
		if !taken[id] {
			return id, nil
		}
	}
	return 0, errors.New("no id is free")
}

// chosenID is the id that was asked for, or a free one.
func chosenID(text string, all []account, system bool) (int, error) {
	if text == "" {
		return free(all, system)
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("invalid id '%s'", text)
	}
	for _, a := range all {
		if a.id() == int(n) {
			return 0, fmt.Errorf("id %d belongs to '%s'", n, a[0])
		}
	}
	return int(n), nil
}

// add appends a line to a file. What belongs into a file of passwords is added only if there is
// such a file.
func (e etc) add(file string, must bool, fields ...string) error {
	for _, field := range fields {
		if strings.ContainsAny(field, ":\n") {
			return fmt.Errorf("'%s': a colon or a new line cannot be part of an account", field)
		}
	}
	path := e.root + "/etc/" + file
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	line := strings.Join(fields, ":") + "\n"
	if len(old) > 0 && old[len(old)-1] != '\n' {
		line = "\n" + line
	}
	return replaceFile(path, string(old)+line)
}

// replaceFile gives a file new text in one step; its mode and owner stay.
func replaceFile(path, text string) error {
	mode := fs.FileMode(0o644)
	info, err := os.Stat(path)
	if err == nil {
		mode = info.Mode()
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

func checkName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	if name == "" || strings.Trim(name, letters+"0123456789-.") != "" || strings.IndexByte(letters, name[0]) < 0 {
		return fmt.Errorf("'%s' is no name for a user or a group", name)
	}
	return nil
}

// addGroup makes a group and returns its id.
func (e etc) addGroup(name, gid string, system bool) (int, error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	groups, err := e.groups()
	if err != nil {
		return 0, err
	}
	if accountNamed(groups, name) != nil {
		return 0, fmt.Errorf("group '%s' already exists", name)
	}
	id, err := chosenID(gid, groups, system)
	if err != nil {
		return 0, err
	}
	return id, errors.Join(e.add("group", true, name, "x", strconv.Itoa(id), ""), e.add("gshadow", false, name, "!", "", ""))
}

// join adds a user to a group.
func (e etc) join(user, group string) error {
	path := e.root + "/etc/group"
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines, found := strings.Split(string(text), "\n"), false
	for i, line := range lines {
		parts := strings.Split(line, ":")
		if len(parts) != 4 || parts[0] != group {
			continue
		}
		found = true
		members := strings.FieldsFunc(parts[3], func(r rune) bool { return r == ',' })
		for _, member := range members {
			if member == user {
				return nil
			}
		}
		parts[3] = strings.Join(append(members, user), ",")
		lines[i] = strings.Join(parts, ":")
	}
	if !found {
		return fmt.Errorf("group '%s' does not exist", group)
	}
	return replaceFile(path, strings.Join(lines, "\n"))
}
