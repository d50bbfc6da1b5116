package sandbox

// Description is a container in words, for those who want to know what one is made of.
type Description struct {
	Namespaces   []string // "mount", "PID" …
	Mounts       []string // "/dev: tmpfs (nosuid, mode=755, size=65536k)"
	Masked       []string // paths that show nothing
	ReadOnly     []string
	Capabilities []string
	Syscalls     int // how many system calls the seccomp profile lets through, at least with some arguments
}
