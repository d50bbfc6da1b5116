package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// limit sets the limits of an empty group.
func (g *Group) limit(memory int64) error {
	if g.v2 {
		if err := write(g.path("memory.max"), memory); err != nil {
			return told("limit the memory", err)
		}
		// Where the kernel counts no swap there is no such file.
		if err := write(g.path("memory.swap.max"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return told("forbid swap", err)
		}
		return nil
	}
	if err := write(g.path("memory.limit_in_bytes"), memory); err != nil {
		return told("limit the memory", err)
	}
	err := write(g.path("memory.memsw.limit_in_bytes"), memory) // of both together
	if errors.Is(err, os.ErrNotExist) {                         // it counts no swap (swapaccount=0)
		err = write(g.path("memory.swappiness"), 0)
	}
	if err != nil {
		return told("forbid swap", err)
	}
	return nil
}

// write writes a number into one of a cgroup's files, which take a value in one piece only.
func write(file string, n int64) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.FormatInt(n, 10))
	return errors.Join(err, f.Close())
}

// join puts the process pid into a group by its open file; 0: the calling process.
func join(procs *os.File, pid int) error {
	_, err := procs.WriteString(strconv.Itoa(pid))
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("put the program into the cgroup: the one that it is in is somebody else's: %w", unix.EACCES)
	case err != nil:
		return told("put the program into the cgroup", err)
	}
	return nil
}

// number reads a file that holds a number; 0: it does not.
func number(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// line reads the number behind a word in a file that has a word and a number on each line; 0: it is not there.
func line(file, word string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), word+" "); ok {
			n, _ := strconv.ParseInt(text, 10, 64)
			return n
		}
	}
	return 0
}

// words reads a file of words.
func words(file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}
