package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// System calls that package syscall has no names for, for x86-64 and for the others.
const (
	addKey     = 248
	openTree   = 428
	notInvent  = 10_000
	cloneNewNS = 0x00020000
)

// call prints what the kernel answers to a system call with harmless arguments.
func call(name string) error {
	var err error
	switch name {
	case "mount":
		err = syscall.Mount("none", "/tmp", "tmpfs", 0, "")
	case "unshare-mount":
		err = syscall.Unshare(cloneNewNS)
	case "unshare-user":
		err = syscall.Unshare(syscall.CLONE_NEWUSER)
	case "swapon":
		err = raw(syscall.SYS_SWAPON, path("/nothing"), 0)
	case "reboot":
		err = raw(syscall.SYS_REBOOT, 0, 0)
	case "sethostname":
		err = syscall.Sethostname([]byte("other"))
	case "add_key":
		err = raw(addKey, path("user"), path("x"))
	case "open_tree":
		err = raw(openTree, ^uintptr(0), path("/"))
	case "unknown":
		err = raw(notInvent, 0, 0)
	case "chown":
		err = os.Chown("/owned", 5, 6)
	case "mknod":
		err = syscall.Mknod("/null", syscall.S_IFCHR|0o666, 1<<8|3)
	case "chroot":
		err = syscall.Chroot("/")
	case "setuid":
		err = syscall.Setresuid(7, 7, 7)
	case "socket":
		var fd int
		if fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0); err == nil {
			err = syscall.Close(fd)
		}
	case "vsock":
		_, err = syscall.Socket(40, syscall.SOCK_STREAM, 0)
	case "i386":
		err = i386()
	case "x32":
		_, _, errno := syscall.RawSyscall(0x40000000|syscall.SYS_GETPID, 0, 0, 0)
		err = errno
	default:
		return fmt.Errorf("no such call: %s", name)
	}
	return answers(name, err)
}

// answers prints what the kernel has answered.
func answers(name string, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		errno = 0
	}
	fmt.Println(name, int(errno))
	return nil
}

// leave tries to leave a chroot as programs with CAP_SYS_CHROOT can, and to read a file of the outside.
func leave(file string) error {
	if err := os.MkdirAll("/below", 0o755); err != nil {
		return err
	}
	if err := syscall.Chroot("/below"); err != nil {
		return answers("leave", err)
	}
	for range 64 {
		if err := syscall.Chdir(".."); err != nil {
			return answers("leave", err)
		}
	}
	if err := syscall.Chroot("."); err != nil {
		return answers("leave", err)
	}
	return cat(file)
}

func raw(number, a, b uintptr) error {
	if _, _, errno := syscall.Syscall6(number, a, b, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

func path(s string) uintptr {
	p, _ := syscall.BytePtrFromString(s)
	kept = append(kept, p)
	return uintptr(unsafe.Pointer(p))
}

var kept []*byte
