package main

import "syscall"

func getpid32() int32

func i386() error {
	if pid := getpid32(); pid < 0 {
		return syscall.Errno(-pid)
	}
	return nil
}
