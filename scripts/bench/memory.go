package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// memory looks at processes while they build, which slows them down: nothing is timed here.
func memory(ctx context.Context, b *bench) error {
	dir := b.contextDir("one")
	if err := b.folder(dir); err != nil {
		return err
	}
	if err := b.fresh(filepath.Join(dir, "file"), 1_000_000_000); err != nil {
		return err
	}
	defer b.who.wipe(dir) //nolint:errcheck // only space is lost
	copied, err := b.dockerfile("copy", "FROM @busybox:1\nCOPY . /data/\n")
	if err != nil {
		return err
	}
	pulled, err := b.dockerfile("gig", "FROM @gig:1\nWORKDIR /work\n")
	if err != nil {
		return err
	}
	of := func(t builder) turn {
		return func(ctx context.Context) (map[string]float64, error) {
			if err := b.warm(ctx, t, "@busybox:1"); err != nil {
				return nil, err
			}
			var err error
			used := map[string]float64{}
			if used["memory-copy"], err = b.peak(t.build(ctx, job{tag: "made/copy", file: copied, context: b.contextDir("tree")}), t.daemons()); err != nil {
				return nil, err
			}
			if used["memory-pull"], err = b.peak(t.build(ctx, job{tag: "made/gig", file: pulled, context: b.contextDir("empty")}), t.daemons()); err != nil {
				return nil, err
			}
			if err := b.registry.forget("made"); err != nil {
				return nil, err
			}
			j := job{tag: "made/one", file: copied, context: dir}
			if err := b.do(t.build(ctx, j)); err != nil {
				return nil, err
			}
			used["memory-push"], err = b.peak(t.push(ctx, j, "gzip"), t.daemons())
			return used, err
		}
	}
	return b.pairs(ctx, of(b.ours), b.each(of))
}

// peak runs a command and gives the most memory, in MB, that its processes and the daemons had at one time: the sum of the
// largest resident size so far (VmHWM) of those that live. So nothing between two looks is missed, and the sum is
// at most too large. A daemon's counts from where it stood before.
func (b *bench) peak(cmd *exec.Cmd, daemons []int) (float64, error) {
	for _, pid := range daemons {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
			return 0, err
		}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	most := 0
	for look := time.NewTicker(4 * time.Millisecond); ; <-look.C {
		sum := 0
		for _, pid := range append(tree(cmd.Process.Pid), daemons...) {
			sum += resident(pid)
		}
		most = max(most, sum)
		select {
		case err := <-done:
			look.Stop()
			if err != nil {
				err = fmt.Errorf("%s: %w\n%s", cmd.Args, err, tail(out.Bytes(), 2000))
			}
			return float64(most) / 1000, err
		default:
		}
	}
}

// resident is a process's VmHWM in units of 1024 bytes; 0 if it is gone.
func resident(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kb, _, _ := strings.Cut(after, "kB")
	n, err := strconv.Atoi(strings.TrimSpace(kb))
	if err != nil {
		return 0
	}
	return n
}

// tree is a process and all below it.
func tree(pid int) []int {
	all := []int{pid}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, t := range tasks {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		if err != nil {
			continue
		}
		for _, c := range strings.Fields(string(children)) {
			if n, err := strconv.Atoi(c); err == nil {
				all = append(all, tree(n)...)
			}
		}
	}
	return all
}
