package userns

import (
	"os"
	"os/signal"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// reap collects orphans until f is done, and gives its status.
//
// A process whose parent has died becomes a child of PID 1, and stays a zombie until that waits for it. PID 1
// has children of its own too, and must not take their exit status from the os/exec or libcontainer that waits
// for them. Two things tell them apart:
//
//   - The kernel gives orphans to the first thread of PID 1, and our own children to the thread that started
//     them. This goroutine has the first thread for itself (see the hook) and looks at that thread's children
//     only. But when a thread ends the first one gets its children, and libcontainer has threads that end.
//   - Go holds a pidfd of each process that it started or looked up, from the start until its Wait is over.
//
// The other way, a PID 1 that starts the real program as its child and does nothing but wait, needs no such
// thought, but it starts the executable once more: 3 ms on top of 10.
func reap(done <-chan int) int {
	if !pidfds() {
		// Nothing would be known about children. Zombies cost next to nothing, and end with this process.
		return <-done
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	defer signal.Stop(ended)
	for {
		select {
		case status := <-done:
			return status
		case <-ended:
			collect()
		}
	}
}

// pidfds says whether Go uses pidfds on this kernel.
func pidfds() bool {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return false
	}
	defer func() { _ = self.Release() }()
	return self.WithHandle(func(uintptr) {}) == nil
}

// collect collects the orphans that have ended.
func collect() {
	list, err := os.ReadFile("/proc/thread-self/children")
	if err != nil || len(list) == 0 {
		return // a kernel without CONFIG_PROC_CHILDREN is a kernel with zombies
	}
	awaited, err := held()
	if err != nil {
		return
	}
	for _, word := range strings.Fields(string(list)) {
		if pid, err := strconv.Atoi(word); err == nil && !awaited[pid] {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG|unix.WNOTHREAD, nil)
		}
	}
}

// held gives the processes that this process holds a pidfd of.
func held() (map[int]bool, error) {
	const dir = "/proc/self/fdinfo"
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	pids := map[int]bool{}
	for _, f := range files {
		text, err := os.ReadFile(dir + "/" + f.Name())
		if err != nil {
			continue // closed meanwhile
		}
		if _, rest, ok := strings.Cut(string(text), "\nPid:\t"); ok {
			word, _, _ := strings.Cut(rest, "\n")
			if pid, err := strconv.Atoi(word); err == nil {
				pids[pid] = true
			}
		}
	}
	return pids, nil
}
