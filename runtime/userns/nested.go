package userns

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Attr are the attributes of a process in a user and mount namespace of its own whose root r is. The process begins as
// the caller, who is nobody there, with every capability that the namespace gives, and has to call [Become].
func (r *Root) Attr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: mappings(r.maps.uids), GidMappings: mappings(r.maps.gids), GidMappingsEnableSetgroups: true,
		AmbientCaps: allCaps(), // see start
	}
}

// StartError explains why a process with these attributes could not be started.
func (r *Root) StartError(err error) error { return cannotClone(err) }

// Become makes a process with the attributes of [Root.Attr] the root of its namespace, without any of the caller's
// groups, and cuts its mounts off from those outside.
func Become() error {
	// By the syscall package, which changes every thread.
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("leave the caller's groups: %w", err)
	}
	if err := syscall.Setresgid(0, 0, 0); err != nil {
		return fmt.Errorf("become group 0: %w", err)
	}
	if err := syscall.Setresuid(0, 0, 0); err != nil {
		return fmt.Errorf("become user 0: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("separate the mounts: %w", err)
	}
	dropInherited()
	// The kernel forgets it with a change of users; /proc/self would be the host's root's.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("make /proc/self its own: %w", err)
	}
	return nil
}
