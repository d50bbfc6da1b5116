package container

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// How the filter gets into the container, without libseccomp.
//
// A filter may be loaded by a thread that has CAP_SYS_ADMIN or no_new_privs. The user's program must have
// neither, and mounting must be over before the filter comes. So the filter cannot be loaded before libcontainer's
// init starts its work, nor after it is done. But capabilities belong to a thread: while the main thread of the
// init does libcontainer's work and in the end drops its capabilities, a second thread keeps them. When the main
// thread is ready to exec and waits at libcontainer's fifo, Run asks the second thread to load the filter for
// all threads of the process (SECCOMP_FILTER_FLAG_TSYNC). Run opens the fifo only after it has been told that
// the filter is loaded; the exec ends the second thread.
//
// The side channel is a stream socket:
//
//	Run → init   the errand, see errand.go
//	Run → init   the filter: number of instructions (4 bytes; 0: no filter), instructions (8 bytes each)
//	Run → init   one byte: load it
//	init → Run   "+", or what went wrong
//	init → Run   what went wrong with the exec; the end of the stream without it: the program runs

// loaded is the answer to the request.
const loaded = '+'

// loadOnRequest is the second thread.
func loadOnRequest(fd int, waiting chan<- struct{}) {
	runtime.LockOSThread()
	// The change to the user's id reaches every thread. It takes the effective capabilities away, but this
	// keeps the permitted ones.
	err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0)
	close(waiting)
	side := rawFile(fd)
	filter, readErr := readFilter(side)
	if err == nil {
		err = readErr
	}
	if _, goErr := io.ReadFull(side, make([]byte, 1)); err == nil {
		err = goErr
	}
	if err == nil {
		err = raise()
	}
	if err == nil && len(filter) > 0 {
		err = load(filter)
	}
	if err != nil {
		_, _ = side.Write([]byte(err.Error()))
		os.Exit(255)
	}
	if _, err := side.Write([]byte{loaded}); err != nil {
		os.Exit(255)
	}
	// The thread ends with the goroutine.
}

// rawFile reads and writes a file descriptor by plain system calls of the calling thread.
type rawFile int

func (f rawFile) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(f), b)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (f rawFile) Write(b []byte) (int, error) {
	for {
		n, err := unix.Write(int(f), b)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// raise makes the thread's permitted capabilities effective again.
func raise() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	sets[0].Effective, sets[1].Effective = sets[0].Permitted, sets[1].Permitted
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("raise capabilities: %w", err)
	}
	return nil
}

// load loads the filter for all threads of the process.
func load(filter []unix.SockFilter) error {
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// As runc does, leave speculative execution as it is: since Linux 5.16 that is what happens anyway.
	for _, flags := range []uintptr{unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, unix.SECCOMP_FILTER_FLAG_TSYNC} {
		thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
		switch {
		case errno == unix.EINVAL:
			continue // a kernel that does not know the flag
		case errno != 0:
			return fmt.Errorf("load the seccomp filter: %w", errno)
		case thread != 0:
			return fmt.Errorf("load the seccomp filter: thread %d has another one", thread)
		}
		return nil
	}
	return fmt.Errorf("load the seccomp filter: %w", unix.EINVAL)
}

// encodeFilter gives the filter in the form that readFilter takes.
func encodeFilter(filter []bpf.RawInstruction) []byte {
	out := binary.NativeEndian.AppendUint32(nil, uint32(len(filter)))
	for _, i := range filter {
		out = binary.NativeEndian.AppendUint16(out, i.Op)
		out = append(out, i.Jt, i.Jf)
		out = binary.NativeEndian.AppendUint32(out, i.K)
	}
	return out
}

// maxFilter is the kernel's BPF_MAXINSNS.
const maxFilter = 4096

func readFilter(r io.Reader) ([]unix.SockFilter, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("read the seccomp filter: %w", err)
	}
	n := binary.NativeEndian.Uint32(head[:])
	if n > maxFilter {
		return nil, fmt.Errorf("read the seccomp filter: it has %d instructions", n)
	}
	body := make([]byte, 8*n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("read the seccomp filter: %w", err)
	}
	filter := make([]unix.SockFilter, n)
	for i := range filter {
		b := body[8*i:]
		filter[i] = unix.SockFilter{Code: binary.NativeEndian.Uint16(b), Jt: b[2], Jf: b[3], K: binary.NativeEndian.Uint32(b[4:])}
	}
	return filter, nil
}
