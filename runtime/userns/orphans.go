package userns

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Without a PID namespace the kernel ends nothing when a build ends. Then the outer and the inner process watch each
// other: orphans go to the inner one, and with its end to the outer one, which kills what it was left; and the inner
// one, when the outer ends, kills all that it has started, and itself. Only who kills both in one instant leaves
// processes behind.

// adoptOrphans makes this process the parent of those of its descendants whose own has died.
func adoptOrphans() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// endWith tells the outer process at the other end of the line that all is set up, and ends this one, and all that it
// has started, when that one ends.
func endWith(line *os.File) {
	_ = unix.Shutdown(lineFd, unix.SHUT_WR)
	go func() {
		_, _ = io.Copy(io.Discard, line)
		killDescendants(os.Getpid(), patience)
		os.Exit(128 + int(unix.SIGKILL))
	}()
}

// patience is how long a process that was killed is waited for.
const patience = 10 * time.Second

// killDescendants kills all processes below one, until none is left. Those whose parents are dead must be children of
// this process, see adoptOrphans. Who is dead but not waited for is left to whoever waits.
func killDescendants(top int, patience time.Duration) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		alive := 0
		for _, pid := range Descendants(top) {
			if unix.Kill(pid, unix.SIGKILL) == nil {
				alive++
			}
		}
		if alive == 0 {
			return
		}
	}
}

// Descendants are the living processes below one, parents before their children.
func Descendants(top int) (pids []int) {
	children := map[int][]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// "PID (NAME) STATE PARENT …": a name may hold anything.
		var state byte
		var parent int
		if _, err := fmt.Sscanf(string(text[bytes.LastIndexByte(text, ')')+1:]), " %c %d", &state, &parent); err != nil || state == 'Z' || state == 'X' {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	for todo := children[top]; len(todo) > 0; {
		next := todo[0]
		todo = append(todo[1:], children[next]...)
		pids = append(pids, next)
	}
	return pids
}
