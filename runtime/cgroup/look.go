package cgroup

import (
	"context"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Look says whether New would succeed, as far as that shows without making a cgroup or moving a process: an *Error if
// not.
func Look() error {
	h, err := memoryHierarchy()
	if err != nil {
		return &Error{Err: err}
	}
	if err := h.look(); err != nil {
		return &Error{Err: err, v2: h.v2}
	}
	return nil
}

func (h *hierarchy) look() error {
	if !h.v2 {
		return mayMake(h.own())
	}
	if h.systemdIsThere() {
		return nil
	}
	for above := filepath.Dir(h.path); ; above = filepath.Dir(above) {
		if dir := filepath.Join(h.top, above); handsOn(dir) && mine(dir) {
			return nil
		}
		if above == "." || above == "/" {
			break
		}
	}
	dir := h.own()
	if !slices.Contains(words(filepath.Join(dir, "cgroup.controllers")), "memory") {
		return errController
	}
	if err := mayMake(dir); err != nil {
		return err
	}
	for _, pid := range words(filepath.Join(dir, "cgroup.procs")) {
		if pid != "0" && !descendant(pid) {
			return h.occupied()
		}
	}
	return nil
}

func (h *hierarchy) systemdIsThere() bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	uid, err := caller()
	if err != nil {
		return false
	}
	conn, err := systemd(ctx, uid)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// mayMake says whether a cgroup may be made in a folder.
func mayMake(dir string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK, unix.AT_EACCESS); err != nil {
		return told("make a cgroup", err)
	}
	return nil
}
